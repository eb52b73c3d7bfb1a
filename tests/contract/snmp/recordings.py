"""Recordings read without the poller's code: what the device answered is the truth that the engines are held to."""

import struct
from pathlib import Path
from typing import NamedTuple

from pollers.snmp.values import Data, Type
from tests.contract.snmp.agents import shared


class Recorded(NamedTuple):
    oid: str
    type: Type
    data: Data


def _value(tag: int, text: str, *, hexadecimal: bool) -> Data:
    if tag in {Type.INTEGER, Type.COUNTER32, Type.GAUGE32, Type.TIME_TICKS, Type.COUNTER64}:
        return int(text)
    if tag == Type.OBJECT_IDENTIFIER:
        return text
    if tag == Type.NULL:
        return None
    if tag == Type.IP_ADDRESS and not hexadecimal:
        return bytes(map(int, text.split(".")))
    return bytes.fromhex(text) if hexadecimal else text.encode("latin-1")


def read(path: Path) -> list[Recorded]:
    """Return the lines of a recording in the order of OIDs, one value an OID."""
    found: dict[tuple[int, ...], Recorded] = {}
    for line in path.read_text().splitlines():
        if not line.strip():
            continue
        oid, tag_text, text = line.split("|", 2)
        hexadecimal = tag_text.endswith("x")
        tag = Type(int(tag_text.rstrip("x")))
        data = _value(tag, text, hexadecimal=hexadecimal)
        kind = tag
        if tag is Type.OPAQUE and isinstance(data, bytes) and data.startswith(b"\x9f\x78\x04"):
            kind, data = Type.OPAQUE_FLOAT, struct.unpack(">f", data[3:])[0]
        found[tuple(map(int, oid.split(".")))] = Recorded(oid, kind, data)
    return [found[key] for key in sorted(found)]


def names() -> list[str]:
    """Return the recordings that are there."""
    return sorted(path.parent.name for path in (shared() / "devices").glob("*/walk.snmprec"))
