"""The stage's table entries: the last published record of a resource, and all its sightings.

An entry: a byte 1, then each record with its length before it (4 bytes, highest byte first): first the resource as it
was published, then the sightings. An entry of before there were sections' sightings is the one merged record.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from schemas.errors import RecordError
from schemas.records import Resource
from streams.resources.inventory import Sightings

_VERSION: Final = b"\x01"
_LENGTH: Final = struct.Struct(">L")


class KnownResource(NamedTuple):
    published: Resource | None  #: None where nothing is in the inventory
    sightings: Sightings


NOBODY: Final = KnownResource(None, {})


def write_known(published: Resource, sightings: Sightings, encode: Callable[[Resource], bytes]) -> bytes:
    """Encode an entry of the table."""
    records = [encode(each) for each in (published, *(sightings[section] for section in sorted(sightings)))]
    return b"".join((_VERSION, *(_LENGTH.pack(len(record)) + record for record in records)))


def read_known(stored: bytes, decode: Callable[[bytes], Resource]) -> KnownResource:
    """Decode an entry of the table. Raises RecordError for one that is damaged, and what `decode` raises."""
    if stored[:1] != _VERSION:
        merged = decode(stored)
        return KnownResource(merged, dict.fromkeys(merged.plugins, merged))
    published, *sightings = (decode(record) for record in _records(stored))
    return KnownResource(published, {section: each for each in sightings for section in each.plugins})


def _records(stored: bytes) -> Iterator[bytes]:
    at = len(_VERSION)
    if at == len(stored):
        raise RecordError("an entry of the table without a record")
    while at < len(stored):
        if at + _LENGTH.size > len(stored):
            raise RecordError(f"an entry of the table that ends within a length, after {len(stored)} bytes")
        (length,) = _LENGTH.unpack_from(stored, at)
        at += _LENGTH.size + length
        if at > len(stored):
            raise RecordError(f"an entry of the table that ends within a record, after {len(stored)} bytes")
        yield stored[at - length : at]
