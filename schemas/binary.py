"""Avro's binary encoding (Avro 1.12, "Binary Encoding") for code that packs records by hand."""

import struct
from collections.abc import Iterable, Sequence
from typing import Final

END: Final = b"\0"  #: of an array or a map
NULL: Final = b"\0"  #: of a union with null first
_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1
_SECOND: Final = b"\2"  #: the other one of a union of two


def long(value: int) -> bytes:
    """Encode a long (or int, or count): zig-zag, then seven bits a byte, the lowest first.

    Raises ValueError for more than 64 bits.
    """
    if not _LEAST <= value <= _MOST:
        raise ValueError(f"expected an integer of 64 bits, signed, found {value}")
    return varint((value << 1) ^ (value >> 63))


def varint(rest: int) -> bytes:
    """Encode a number of 0 or more, seven bits a byte, the lowest first."""
    if rest < 0x80:
        return bytes((rest,))
    packed = bytearray()
    while rest > 0x7F:
        packed.append(rest & 0x7F | 0x80)
        rest >>= 7
    packed.append(rest)
    return bytes(packed)


def optional_long(value: int | None) -> bytes:
    """Encode a union of null and long."""
    return NULL if value is None else _SECOND + long(value)


def boolean(value: bool) -> bytes:
    """Encode a boolean."""
    return b"\1" if value else b"\0"


def text(value: str) -> bytes:
    """Encode a string: its length in bytes, then UTF-8."""
    octets = value.encode()
    return long(len(octets)) + octets


def doubles(values: Sequence[float]) -> bytes:
    """Encode doubles one after the other: IEEE 754, the lowest byte first. Raises struct.error for another value."""
    return struct.pack(f"<{len(values)}d", *values)


def array_of(items: Sequence[bytes]) -> bytes:
    """Encode an array of encoded items as one block; an empty one has no block."""
    return b"".join((long(len(items)), *items, END)) if items else END


def array_of_texts(values: Sequence[str]) -> bytes:
    """Encode an array of strings."""
    packed = {value: text(value) for value in set(values)}  # states are few words, over and over
    return array_of([packed[value] for value in values])


def map_of(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """Encode a map of encoded values."""
    return array_of([text(key) + value for key, value in entries])


def map_of_texts(entries: Iterable[tuple[str, str]]) -> bytes:
    """Encode a map of strings."""
    return map_of((key, text(value)) for key, value in entries)
