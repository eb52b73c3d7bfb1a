"""Reads SNMP tables for the plugins of this folder: each row's index, then a cell for each column."""

from collections.abc import Iterator, Sequence
from typing import Final

from pollers.plugins.base import OptionError, PluginContext
from pollers.plugins.snmp.enricher import DEFAULT_DEADLINE_S
from pollers.plugins.snmp.followed_profiles import seconds_option
from pollers.profiles.reading.convert import address
from pollers.snmp.values import FIRST_EXCEPTION, Data, SnmpTable, Value

#: InetAddressType and AddressFamilyNumbers agree on these -> octets of the address
_OCTETS: Final = {1: 4, 2: 16}


def rows_of(table: SnmpTable) -> Iterator[tuple[tuple[int, ...], list[Data]]]:
    """Yield each row's index and its cells; a cell without a readable value is None."""
    for place, index in enumerate(table.rows):
        cells = [column.data[place] if 0 < column.types[place] < FIRST_EXCEPTION else None for column in table.columns]
        yield tuple(map(int, index.split("."))), cells


def whole(cell: Data) -> int | None:
    """Return the cell if it is a whole number, else None."""
    return cell if isinstance(cell, int) else None


def readable(cell: Data) -> str | None:
    """Return a cell as stripped text; None where it has control characters or is not UTF-8."""
    if isinstance(cell, str):
        return cell
    if not isinstance(cell, bytes):
        return None
    try:
        text = cell.rstrip(b"\0").decode("utf-8").strip()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def octets_of(cell: Data) -> bytes | None:
    return cell if isinstance(cell, bytes) else None


def indexed_address(arcs: Sequence[int]) -> str | None:
    """Parse the address at the end of an index: family, length (which some agents omit), octets."""
    octets = _OCTETS.get(arcs[0]) if arcs else None
    if octets is None:
        return None
    rest = arcs[1:]
    if rest and rest[0] == octets:
        rest = rest[1:]
    if len(rest) != octets or any(arc > 255 for arc in rest):
        return None
    return address(bytes(rest))


def exists(value: Value) -> bool:
    return value.exists and value.data not in (b"", "")


def deadline_only(context: PluginContext) -> float:
    """Parse the options of a plugin that has `deadline` only. Raises OptionError."""
    if unknown := [name for name in context.options if name != "deadline_s"]:
        raise OptionError(dict.fromkeys(unknown, "expected one of deadline_s"))
    return seconds_option(context, "deadline_s") or DEFAULT_DEADLINE_S
