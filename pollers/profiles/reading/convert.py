"""Converts one cell to a number or a text as its column declares, or to the reason why it has no value."""

import ipaddress
import math
import re
from collections.abc import Callable
from typing import Final

from pollers.profiles.language.absent import NOT_ANSWERED, Absent, Cell, Reason
from pollers.profiles.language.functions import as_text, scaled, search
from pollers.profiles.model import As, ColumnSpec, Extract, Use
from pollers.snmp.values import FIRST_EXCEPTION, Data, Type
from pollers.vocabulary.load import load

_EXCEPTIONS: Final[dict[int, Absent]] = {
    Type.NO_SUCH_OBJECT: Absent(Reason.NO_SUCH_OBJECT),
    Type.NO_SUCH_INSTANCE: Absent(Reason.NO_SUCH_INSTANCE),
    Type.BAD_VALUE: Absent(Reason.BAD_VALUE),
}
_WRONG_TYPE: Final = Absent(Reason.WRONG_TYPE)
_NOT_A_NUMBER: Final = Absent(Reason.NOT_A_NUMBER)
_IMPLAUSIBLE: Final = Absent(Reason.IMPLAUSIBLE)
_PLAUSIBLE: Final = load().plausible
_NUMBER: Final = re.compile(r"\s*([-+]?\d{1,20}(?:\.\d{1,20})?(?:[eE][-+]?\d{1,3})?)\s*\Z")
_WRITTEN_MAC: Final = re.compile(rb"\s*[0-9A-Fa-f]{1,2}([:. -])(?:[0-9A-Fa-f]{1,2}\1){4,}[0-9A-Fa-f]{1,2}\s*\Z")
#: of link-layer addresses: none, ARCNET, tunnels' IPv4, Ethernet, EUI-64, tunnels' IPv6, InfiniBand
_ADDRESS_OCTETS: Final = frozenset({0, 1, 4, 6, 8, 16, 20})
_PLACEHOLDER: Final = re.compile(r"\$(\d)")


def exception_of(kind: int) -> Absent:
    """Return the reason for a value's exception type."""
    return _EXCEPTIONS.get(kind, NOT_ANSWERED)


def raw_value(kind: int, data: Data, read_as: As) -> Cell:
    """Convert a cell to a number or text, before scale, extract and enum."""
    if kind == 0 or kind >= FIRST_EXCEPTION or kind == Type.NULL:
        return exception_of(kind)
    if read_as is As.PRESENCE:
        return 1
    if read_as is As.AUTO:
        return data if isinstance(data, int | float | str) else _text(data)
    return _READERS[read_as](data)


def decode_text(data: bytes) -> str:
    """Decode bytes as UTF-8 text without padding, or as hexadecimal where they are not text."""
    stripped = data.rstrip(b"\0")
    try:
        text = stripped.decode("utf-8")
    except UnicodeDecodeError:
        return data.hex()
    if any(ord(sign) < 32 and sign not in "\t\n\r" for sign in text):
        return data.hex()
    return text.strip()


def _text(data: Data) -> str:
    if isinstance(data, bytes):
        return decode_text(data)
    return "" if data is None else as_text(data)


def _hex(data: Data) -> Cell:
    return data.hex() if isinstance(data, bytes) else _WRONG_TYPE


def _mac(data: Data) -> Cell:
    """Return an address as octets in hexadecimal, whether the device sent octets or wrote them so itself.

    A recording has such texts as well: with IF-MIB loaded, snmpwalk prints `STRING: 0:1e:bd:7:a0:f`.
    """
    if not isinstance(data, bytes):
        return _WRONG_TYPE
    if _WRITTEN_MAC.match(data):
        return ":".join(part.zfill(2) for part in re.split(r"[:. -]", data.decode().strip())).upper()
    return data.hex(":").upper() if len(data) in _ADDRESS_OCTETS else _WRONG_TYPE


def _ip(data: Data) -> Cell:
    if isinstance(data, str):
        return data
    if not isinstance(data, bytes):
        return _WRONG_TYPE
    if not data:
        return ""
    return address(data) or _WRONG_TYPE


def address(data: bytes) -> str | None:
    """Format 4 or 16 octets as an address; 8 or 20 have a zone index behind (RFC 4001)."""
    if len(data) in {4, 16}:
        return str(ipaddress.ip_address(data))
    if len(data) in {8, 20}:
        return f"{ipaddress.ip_address(data[:-4])}%{int.from_bytes(data[-4:])}"
    return None


def _number(data: Data) -> Cell:
    if isinstance(data, int | float):
        return data
    match = _NUMBER.match(_text(data))
    return float(match[1]) if match else _NOT_A_NUMBER


def _big(data: Data) -> Cell:
    return int.from_bytes(data[:16], "big") if isinstance(data, bytes) else _WRONG_TYPE


def _little(data: Data) -> Cell:
    return int.from_bytes(data[:16], "little") if isinstance(data, bytes) else _WRONG_TYPE


def _date(data: Data) -> Cell:
    """RFC 2579 DateAndTime: year, month, day, hour, minute, second, deci-second, and maybe the zone."""
    if not isinstance(data, bytes) or len(data) not in {8, 11}:
        return _WRONG_TYPE
    year = int.from_bytes(data[:2])
    text = f"{year:04}-{data[2]:02}-{data[3]:02}T{data[4]:02}:{data[5]:02}:{data[6]:02}.{data[7]}"
    return text if len(data) == 8 else f"{text}{chr(data[8])}{data[9]:02}:{data[10]:02}"


def _last_arc(data: Data) -> Cell:
    last = data.rsplit(".", 1)[-1] if isinstance(data, str) else ""
    return int(last) if last.isdigit() else _WRONG_TYPE


_READERS: Final[dict[As, Callable[[Data], Cell]]] = {
    As.TEXT: _text,
    As.HEX: _hex,
    As.MAC: _mac,
    As.IP: _ip,
    As.NUMBER: _number,
    As.INT_BIG: _big,
    As.INT_LITTLE: _little,
    As.DATE: _date,
    As.LAST_ARC: _last_arc,
}


def extracted(value: float | str, extract: Extract) -> Cell:
    """Return the pattern's match in a value, formatted by the template where there is one."""
    if extract.template is None:
        return search(extract.pattern, as_text(value))
    match = extract.pattern.search(as_text(value))
    if match is None:
        return Absent(Reason.NO_MATCH)
    groups = match.groups()

    def part(place: re.Match[str]) -> str:
        number = int(place[1])
        return match[0] if number == 0 else (groups[number - 1] or "") if number <= len(groups) else ""

    return _PLACEHOLDER.sub(part, extract.template)


def bounded(cell: Cell, name: str, unit: str) -> Cell:
    """Return the cell, or `implausible` where it is beyond the range of its metric or unit."""
    bounds = _PLAUSIBLE.get(name) or _PLAUSIBLE.get(unit)
    if bounds is None or isinstance(cell, str | Absent):
        return cell
    return cell if bounds[0] <= cell <= bounds[1] else _IMPLAUSIBLE


def _possible(value: float, column: ColumnSpec) -> Cell:
    if not math.isfinite(value):
        return _NOT_A_NUMBER
    return bounded(value, column.name, column.unit) if column.use is Use.GAUGE else value


def converter(column: ColumnSpec, scale: float) -> Callable[[int, Data], Cell]:
    """Return the function that turns a cell (BER tag, data) into the column's value.

    Gauges and references that are numbers are scaled; a gauge that is no number is absent. States and tags are texts;
    a value that the enum does not know stays as it is.
    """
    read_as, extract, enum = column.read_as, column.extract, column.enum
    numeric = column.use in {Use.GAUGE, Use.AUTO}
    textual = column.use in {Use.STATE, Use.TAG}

    def convert(kind: int, data: Data) -> Cell:
        value = raw_value(kind, data, read_as)
        if isinstance(value, Absent):
            return value
        if extract is not None:
            value = extracted(value, extract)
            if isinstance(value, Absent):
                return value
        if enum:
            value = enum.get(as_text(value), value)
        if textual:
            return as_text(value) if isinstance(value, str) or scale == 1.0 else as_text(scaled(value, scale))
        if isinstance(value, str) and (numeric or extract is not None):
            number = _number(value)
            value = _WRONG_TYPE if isinstance(number, Absent) and extract is None and read_as is As.AUTO else number
        if isinstance(value, str | Absent):
            return value if not numeric or isinstance(value, Absent) else _WRONG_TYPE
        if scale != 1.0:
            value = scaled(value, scale)
        return _possible(value, column)

    return convert
