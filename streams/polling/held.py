"""What a worker keeps of each resource from poll to poll: little, and as long as its record stays the same (pure)."""

import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from schemas.errors import RecordError
from schemas.records import EnrichedResource, Enrichment
from streams.polling.packing import Heads

#: records whose decoded enrichments are kept, for plugins that look more than once
_OPEN: Final = 64

Decode = Callable[[bytes], EnrichedResource]


def packed(value: bytes) -> bytes:
    """Return a record as it stands in the table: a fifth of its size, and read only when it has changed."""
    return zlib.compress(value, 1)


def unpacked(stored: bytes) -> bytes:
    """Return the record that stands in the table so. Raises RecordError."""
    try:
        return zlib.decompress(stored)
    except zlib.error as problem:
        raise RecordError(f"not a record of the table: {problem}") from problem


class Enrichments(Mapping[str, Enrichment]):
    """A record's enrichments, decoded when somebody looks; the same object as long as the record is the same."""

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


class Held:
    """One resource."""

    __slots__ = ("enriched", "heads", "stored")

    def __init__(self, stored: bytes, decode: Decode) -> None:
        whole = decode(stored)
        self.stored: Final = stored
        self.enriched: Final = EnrichedResource(
            resource=whole.resource,
            enrichments=Enrichments(stored, decode),
            jobs=whole.jobs,
            jobs_since_ms=whole.jobs_since_ms,
        )
        self.heads: Final[Heads] = {}


class Holding:
    """The resources that this worker polls. Their enrichments, decoded, would take tens of kilobytes each."""

    def __init__(self, decode: Decode) -> None:
        self._decode: Decode = lru_cache(maxsize=_OPEN)(decode)
        self._held: dict[str, Held] = {}

    def get(self, key: str, stored: bytes) -> Held:
        """Return what is held of a resource whose record this is. Raises RecordError."""
        held = self._held.get(key)
        if held is None or held.stored != stored:
            held = self._held[key] = Held(stored, self._decode)
        return held

    def remove(self, key: str) -> None:
        """Forget a resource; one that is not held is no error."""
        self._held.pop(key, None)

    def clear(self) -> None:
        self._held.clear()

    def __len__(self) -> int:
        return len(self._held)
