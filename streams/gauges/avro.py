"""The few forms of Avro's binary encoding that a Gauge is made of (Avro 1.12, "Binary Encoding")."""

import struct
from collections.abc import Iterable


def long(value: int) -> bytes:
    """Return a long (or int, or count): zig-zag, then seven bits a byte, the lowest first."""
    return varint((value << 1) ^ (value >> 63))


def varint(rest: int) -> bytes:
    """Return a number of 0 or more, seven bits a byte, the lowest first."""
    out = bytearray()
    while rest > 0x7F:
        out.append((rest & 0x7F) | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def text(value: str) -> bytes:
    """Return a string: its length in bytes, then UTF-8."""
    encoded = value.encode()
    return long(len(encoded)) + encoded


def map_of(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """Return a map of one block, its values encoded already; an empty one has no block."""
    items = [text(key) + value for key, value in entries]
    return b"".join((long(len(items)), *items, b"\0")) if items else b"\0"


def map_of_texts(entries: Iterable[tuple[str, str]]) -> bytes:
    """Return a map of strings."""
    return map_of((key, text(value)) for key, value in entries)


def doubles(values: Iterable[float]) -> bytes:
    """Return doubles, one behind the other: IEEE 754, the lowest byte first."""
    numbers = tuple(values)
    return struct.pack(f"<{len(numbers)}d", *numbers)
