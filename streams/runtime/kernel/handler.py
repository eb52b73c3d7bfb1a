"""The interfaces of the record loop: a stage's handler, its pace, and the flow of records."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

from streams.runtime.kernel.records import Place, Record

E = TypeVar("E")


class Pace(NamedTuple):
    """How long and how many records may gather before they are processed."""

    linger_s: float = 0.05  #: how long the first of a batch waits for others
    max_batch_bytes: int = 512 * 1024  #: of effects; what makes a batch larger than that does not wait
    max_batch_records: int = 500
    most_waiting_bytes: int = 64 * 2**20  #: of records and effects; no more is taken from Kafka meanwhile


#: for a stage with little to send
USUAL: Final = Pace()


class Handler(Protocol[E]):
    """Processes the records of a stage."""

    def step(self, record: Record) -> E:
        """Return the effects of a record, without carrying them out. Raises RecordError, UnknownSchema."""
        ...

    def size(self, step: E) -> int:
        """Return about how much memory the effects take."""
        ...

    async def deliver(self, partition: int, steps: Sequence[E]) -> None:
        """Return when all effects are carried out, however long that takes; repeating it must be harmless.

        Raises RecordError for what will never be taken: a batch is tried step by step then, and the culprit set aside.
        """
        ...

    def forget(self, partition: int) -> None:
        """Forget undelivered results of steps: they are made again, here or elsewhere."""
        ...


class SetAside(Protocol):
    async def put(
        self, error: BaseException, *, origin: tuple[str, int, int], key: bytes | None, value: bytes | None
    ) -> None:
        """Dead-letter a record."""
        ...


class Flow(Protocol):
    """Pauses and resumes the delivery of records."""

    def pause(self, place: Place) -> None:
        """Stop delivering a partition's records; those already fetched may still come."""
        ...

    def resume(self, place: Place) -> None:
        """Continue to deliver."""
        ...
