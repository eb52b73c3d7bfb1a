"""A record of a topic, and its position."""

from typing import NamedTuple


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Record(NamedTuple):
    place: Place
    offset: int
    key: bytes | None
    value: bytes | None  #: None is a tombstone
    time_ms: int = 0  #: when it was stored, as Kafka says; 0 where that is not known

    @property
    def size(self) -> int:
        """Return how many bytes key and value have."""
        return len(self.key or b"") + len(self.value or b"")
