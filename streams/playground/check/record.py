"""A record as the check reads it, and the interface of its readers."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol


class ReadRecord(NamedTuple):
    topic: str  #: without the prefix
    key: str
    value: Mapping[str, object]  #: empty: a tombstone
    raw: bytes
    received_ms: float  #: Unix milliseconds


class TopicReader(Protocol):
    """Reads all records of some topics from the beginning."""

    @property
    def client(self) -> str:
        """The name of the library that reads."""

    def open(self, deadline_s: float) -> bool:
        """Wait until the topics exist, and start reading; False where they do not by the deadline (monotonic)."""

    def read(self, timeout_s: float) -> Iterator[ReadRecord]:
        """Return the records that arrive by then."""

    def close(self) -> None: ...


def reader(bootstrap: str, registry: str, prefix: str, names: tuple[str, ...]) -> TopicReader:
    """Return a reader by confluent-kafka, or by aiokafka where that is not installed."""
    try:
        from streams.playground.check.topics import Topics  # noqa: PLC0415 - not installed everywhere
    except ImportError:
        from streams.playground.check.plain import PlainTopics  # noqa: PLC0415

        return PlainTopics(bootstrap, registry, prefix, names)
    return Topics(bootstrap, registry, prefix, names)
