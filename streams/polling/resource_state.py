"""The packed state of each resource between two polls, kept while its record stays the same (pure).

What polls have learnt of the device is the plugin's to keep (pollers/profiles/reading/state.py).
"""

import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

import fastavro

from schemas.codec import from_avro, parsed_schema, to_avro
from schemas.errors import RecordError
from schemas.records import EnrichedResource, Enrichment
from streams.polling.packing import Heads

#: records whose decoded enrichments are kept, for plugins that look more than once
_OPEN: Final = 64
_SCHEMA: Final = parsed_schema("enriched_resource")

Decode = Callable[[bytes], EnrichedResource]


def compressed(value: bytes) -> bytes:
    """Compress a record for the table, to a tenth of its size."""
    return zlib.compress(value, zlib.Z_BEST_COMPRESSION)


def decompressed(stored: bytes) -> bytes:
    """Decompress a record of the table. Raises RecordError."""
    try:
        return zlib.decompress(stored)
    except zlib.error as problem:
        raise RecordError(f"not a record of the table: {problem}") from problem


class Enrichments(Mapping[str, Enrichment]):
    """A record's enrichments, decoded on first access: as objects they take tens of kilobytes."""

    __slots__ = ("_decode", "_stored")

    def __init__(self, stored: bytes, decode: Decode) -> None:
        self._stored = stored
        self._decode = decode

    def __getitem__(self, namespace: str) -> Enrichment:
        return self._decode(self._stored).enrichments[namespace]

    def __iter__(self) -> Iterator[str]:
        return iter(self._decode(self._stored).enrichments)

    def __len__(self) -> int:
        return len(self._decode(self._stored).enrichments)


class ResourceState(NamedTuple):
    """The state of one resource that is polled."""

    enriched: EnrichedResource  #: its enrichments are the same object as long as the record is the same
    heads: Heads  #: likewise


class _PackedState:
    """The same between two polls: as objects it would take five times the memory."""

    __slots__ = ("_enrichments", "_heads", "_rest", "stored")

    def __init__(self, stored: bytes, decode: Decode) -> None:
        rest = io.BytesIO()
        fastavro.schemaless_writer(rest, _SCHEMA, to_avro(replace(decode(stored), enrichments={})))
        self.stored: Final = stored
        self._rest: Final = rest.getvalue()
        self._enrichments: Final = Enrichments(stored, decode)
        self._heads: Final[Heads] = []

    def unpack(self) -> ResourceState:
        rest = from_avro(EnrichedResource, fastavro.schemaless_reader(io.BytesIO(self._rest), _SCHEMA, None))
        return ResourceState(replace(rest, enrichments=self._enrichments), self._heads)


class ResourceStates:
    """The states of the resources that this worker polls."""

    def __init__(self, decode: Decode) -> None:
        self._decode: Decode = lru_cache(maxsize=_OPEN)(decode)
        self._kept: dict[str, _PackedState] = {}

    def get(self, key: str, stored: bytes) -> ResourceState:
        """Return the state of a resource with this record. Raises RecordError."""
        kept = self._kept.get(key)
        if kept is None or kept.stored != stored:
            kept = self._kept[key] = _PackedState(stored, self._decode)
        return kept.unpack()

    def remove(self, key: str) -> None:
        """Forget a resource; an unknown one is no error."""
        self._kept.pop(key, None)

    def keep_only(self, stays: Callable[[str], bool]) -> None:
        """Forget all resources but those."""
        self._kept = {key: kept for key, kept in self._kept.items() if stays(key)}

    def __len__(self) -> int:
        return len(self._kept)
