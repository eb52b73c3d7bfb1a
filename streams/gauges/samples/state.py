"""The stage's table: the last two samples of each series as received, under two alternating keys.

A new sample replaces the older of the two, so one poll costs one write of one record. An entry, version 1: a byte 1,
the slot (8 bytes, signed), the number of transforms (1 byte); for each its name (2 bytes of length, UTF-8) and its
state after this sample (4 bytes of length); then the RawCounters record with its header, which names its writer's
schema. All numbers have the highest byte first.
"""

import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

from schemas.errors import RecordError
from streams.gauges.samples.sample import Fixed

VERSION: Final = 1
SIDES: Final = (0, 1)

_FRONT: Final = struct.Struct(">BqB")
_NAME: Final = struct.Struct(">H")
_STATE: Final = struct.Struct(">L")
_SEPARATOR: Final = "\x1f"  # no part of an identity, a job or a group has control characters in it


class StateError(RecordError):
    """A table entry cannot be read: it is set aside, and the series begins anew."""


class StateEntry(NamedTuple):
    slot: int  #: of the sample
    transforms: Mapping[str, bytes]  #: section of each transform -> its state after this sample
    value: bytes  #: the sample's record, as it came


def series_of(fixed: Fixed) -> str:
    """Return the name of a sample's series: resource, job and group."""
    return _SEPARATOR.join((fixed.resource, fixed.job, fixed.group))


def entry_key(series: str, side: int) -> bytes:
    """Return the key of one of the two entries of a series."""
    return f"{series}{_SEPARATOR}{side}".encode()


def write_entry(entry: StateEntry) -> bytes:
    """Encode the entry in the current version."""
    parts = [_FRONT.pack(VERSION, entry.slot, len(entry.transforms))]
    for name, state in entry.transforms.items():
        encoded = name.encode()
        parts += (_NAME.pack(len(encoded)), encoded, _STATE.pack(len(state)), state)
    parts.append(entry.value)
    return b"".join(parts)


def read_entry(stored: bytes) -> StateEntry:
    """Decode an entry of any version so far. Raises StateError for anything else."""
    try:
        version, slot, count = _FRONT.unpack_from(stored)
        if version != VERSION:
            raise StateError(f"state of version {version}, expected {VERSION}")
        at = _FRONT.size
        transforms = {}
        for _ in range(count):
            name, at = _read(stored, at, _NAME)
            transforms[name.decode()], at = _read(stored, at, _STATE)
    except (struct.error, UnicodeDecodeError, EOFError) as error:
        raise StateError(f"state of {len(stored)} bytes that is damaged: {error}") from error
    return StateEntry(slot, transforms, stored[at:])


def _read(stored: bytes, at: int, size: struct.Struct) -> tuple[bytes, int]:
    (length,) = size.unpack_from(stored, at)
    at += size.size
    if at + length > len(stored):
        raise EOFError(f"a part of {length} bytes at {at}")
    return stored[at : at + length], at + length
