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
        """Return what the record leads to, without effects. Raises RecordError, UnknownSchema."""
        ...

    def size(self, step: E) -> int:
        """Return about how many bytes that takes on its way."""
        ...

    async def deliver(self, partition: int, steps: Sequence[E]) -> None:
        """Return when everything is in place, however long that takes; doing it twice must be harmless.

        Raises RecordError for what will never be taken: a batch is tried step by step then, and the culprit set aside.
        """
        ...

    def forget(self, partition: int) -> None:
        """Forget what the steps remember beyond what was delivered: they are made again, here or elsewhere."""
        ...


class SetAside(Protocol):
    async def put(
        self, error: BaseException, *, origin: tuple[str, int, int], key: bytes | None, value: bytes | None
    ) -> None:
        """Store a record that cannot be used."""
        ...


class Flow(Protocol):
    """Pauses and resumes the delivery of records."""

    def pause(self, place: Place) -> None:
        """Bring no more of a partition for now; what is on its way may still come."""
        ...

    def resume(self, place: Place) -> None:
        """Go on."""
        ...
