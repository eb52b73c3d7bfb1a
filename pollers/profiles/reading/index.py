"""Splits a row's index (RFC 2578 §7.7), the numbers behind the column's OID, into its parts."""

import ipaddress
from collections.abc import Sequence
from typing import Final

from pollers.profiles.language.absent import Absent, Cell, Reason
from pollers.profiles.model import IndexPart, IndexType
from pollers.profiles.reading.convert import decode_text

_BAD: Final = Absent(Reason.BAD_INDEX)
_FIXED: Final = {IndexType.IP: 4, IndexType.IPV6: 16, IndexType.MAC: 6}
#: InetAddressType -> octets of the address (RFC 4001: ipv4, ipv6, ipv4z, ipv6z)
_INET_OCTETS: Final = {0: 0, 1: 4, 2: 16, 3: 8, 4: 20}


def parse_index(index: str, parts: Sequence[IndexPart]) -> list[Cell]:
    """Return one value for each part; from the first part that does not parse on, all are absent with `bad-index`.

    Numbers that are left over make the last part absent too: an index that does not fit is not half right.
    """
    try:
        arcs = [int(arc) for arc in index.split(".")]
    except ValueError:
        return [_BAD] * len(parts)
    values: list[Cell] = []
    at = 0
    for part in parts:
        taken = _take(arcs, at, part)
        if taken is None:
            return values + [_BAD] * (len(parts) - len(values))
        value, at = taken
        values.append(part.enum.get(str(value), value))
    if parts and at != len(arcs):
        values[-1] = _BAD
    return values


def _take(arcs: Sequence[int], at: int, part: IndexPart) -> tuple[float | int | str, int] | None:
    """Return a part's value and where the next one begins, or None."""
    if part.type is IndexType.INTEGER:
        return (arcs[at], at + 1) if at < len(arcs) else None
    if part.type in {IndexType.INET, IndexType.INET_UNCOUNTED}:
        return _inet(arcs, at, counted=part.type is IndexType.INET)
    if part.implied:
        length = len(arcs) - at
    elif fixed := _FIXED.get(part.type) or part.length:
        length = fixed
    else:
        if at >= len(arcs):
            return None
        length, at = arcs[at], at + 1
    if length < 0 or at + length > len(arcs):
        return None
    value = _value(arcs[at : at + length], part.type)
    return None if value is None else (value, at + length)


def _value(arcs: Sequence[int], kind: IndexType) -> str | None:
    if kind is IndexType.OID:
        return ".".join(map(str, arcs))
    if any(arc > 255 for arc in arcs):
        return None
    octets = bytes(arcs)
    if kind is IndexType.STRING:
        return decode_text(octets)
    if kind is IndexType.MAC:
        return octets.hex(":").upper()
    return str(ipaddress.ip_address(octets))


def _inet(arcs: Sequence[int], at: int, *, counted: bool) -> tuple[str, int] | None:
    start = at + (2 if counted else 1)
    if start > len(arcs):
        return None
    kind = arcs[at]
    octets = _INET_OCTETS.get(kind)
    length = arcs[at + 1] if counted else octets
    if length is None or start + length > len(arcs) or any(arc > 255 for arc in arcs[start : start + length]):
        return None
    data = bytes(arcs[start : start + length])
    if octets is None:
        return decode_text(data), start + length
    if length != octets:
        return None
    zone = f"%{int.from_bytes(data[-4:])}" if kind in {3, 4} else ""
    body = data[:-4] if zone else data
    return (f"{ipaddress.ip_address(body)}{zone}" if body else ""), start + length
