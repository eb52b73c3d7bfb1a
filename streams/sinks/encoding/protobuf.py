"""Protobuf's binary encoding, as far as the encoders need it, and a reader of messages."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from schemas.binary import varint

_WIRE_VARINT: Final = 0
_WIRE_FIXED64: Final = 1
_WIRE_BYTES: Final = 2
_WIRE_FIXED32: Final = 5


class Field(NamedTuple):
    number: int
    start: int  #: of the field, its tag included
    payload: bytes  #: of a message, text or fixed number; of a varint its bytes
    end: int


def message(number: int, payload: bytes) -> bytes:
    """Encode a field that is a message, a string or bytes."""
    return varint(number << 3 | _WIRE_BYTES) + varint(len(payload)) + payload


def text(number: int, value: str) -> bytes:
    """Encode a field that is a string."""
    return message(number, value.encode("utf-8", "replace"))


def double(number: int, value: float) -> bytes:
    """Encode a field that is a double."""
    return varint(number << 3 | _WIRE_FIXED64) + struct.pack("<d", value)


def fixed64(number: int, value: int) -> bytes:
    """Encode a field that is a fixed64."""
    return varint(number << 3 | _WIRE_FIXED64) + struct.pack("<Q", value)


def number_(number: int, value: int) -> bytes:
    """Encode a field that is an int64, uint64, bool or enum."""
    return varint(number << 3 | _WIRE_VARINT) + varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def fields(octets: bytes) -> Iterator[Field]:
    """Yield the fields of a message in order. Raises ValueError for bytes that are none."""
    at = 0
    try:
        while at < len(octets):
            start = at
            tag, at = read_varint(octets, at)
            wire = tag & 7
            begin = at
            if wire == _WIRE_BYTES:
                size, begin = read_varint(octets, at)
                at = begin + size
            elif wire == _WIRE_VARINT:
                _, at = read_varint(octets, at)
            elif wire in (_WIRE_FIXED32, _WIRE_FIXED64):
                at += 8 if wire == _WIRE_FIXED64 else 4
            else:
                raise ValueError(f"wire type {wire}")
            if at > len(octets):
                raise ValueError("a field that goes past the end")
            yield Field(tag >> 3, start, octets[begin:at], at)
    except IndexError:
        raise ValueError("a number that goes past the end") from None


def read_varint(octets: bytes, at: int) -> tuple[int, int]:
    """Decode a varint, and return where it ends. Raises IndexError."""
    shift = value = 0
    while True:
        octet = octets[at]
        at += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value, at
        shift += 7
