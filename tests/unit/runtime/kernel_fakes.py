"""A worker as a stage has it, on nothing but memory: what Kafka, the registry, the clock and the host would do."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.errors import RecordError
from streams.pipeline import Stage, Topic, stage
from streams.runtime.kernel.context import StageContext
from streams.runtime.kernel.records import Place, Record
from streams.runtime.kernel.worker import Worker
from streams.runtime.ops.metrics import Metrics
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import Settings

PATIENCE_S = 5  #: no test waits for longer


class Stored(NamedTuple):
    topic: str
    partition: int | None  #: None where the outbox was to find it by the key
    key: bytes | None
    value: bytes | None


class Outbox:
    """Stores records in their order; a send waits where it is held back, and fails where it is told to."""

    def __init__(self, largest: int = 2**30) -> None:
        self.stored: list[Stored] = []
        self.batches: list[tuple[str, int, int]] = []  #: topic, partition and number of records, as they were sent
        self.largest = largest  #: bytes of a record that a topic takes
        self.refused: set[bytes | None] = set()  #: values that no topic takes
        self.fault: Exception | None = None  #: of every send
        self.waits = asyncio.Event()  #: something waits to be stored
        self.retries = 0
        self._held: dict[str, asyncio.Event] = {}

    def hold(self, topic: str) -> asyncio.Event:
        """Let nothing of a topic be stored until the event that this returns is set."""
        return self._held.setdefault(topic, asyncio.Event())

    async def start(self) -> None:
        """Do nothing: there is no broker."""

    async def stop(self) -> None:
        """Do nothing, likewise."""

    async def send(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> None:
        await self._store([Stored(topic, partition, key, value)])

    async def send_all(self, records: Sequence[Any], _wait_s: float = 0.0) -> None:
        for topic, key, value, partition in records:
            await self.send(topic, key, value, partition)

    async def send_in_order(self, topic: str, partition: int, records: Sequence[Any]) -> None:
        flat = [Stored(topic, partition, key, value) for key, values in records for value in values]
        self.batches.append((topic, partition, len(flat)))
        await self._store(flat)

    async def _store(self, records: Sequence[Stored]) -> None:
        if self.fault is not None:
            raise self.fault
        await asyncio.sleep(0)
        for record in records:
            if record.topic in self._held:
                self.waits.set()
                await self._held[record.topic].wait()
            if record.value in self.refused or len(record.value or b"") > self.largest:
                size = len(record.value or b"")
                raise RecordError(f"{size} bytes for {record.topic} are more than the topic takes, too large")
            self.stored.append(record)

    def values(self, topic: str, key: str | None = None) -> list[bytes | None]:
        """Return what was stored in a topic, in order."""
        return [each.value for each in self.stored if each.topic == topic and key in (None, (each.key or b"").decode())]


class Letters:
    """Dead letters, kept."""

    def __init__(self) -> None:
        self.origins: list[tuple[str, int, int]] = []
        self.why: list[BaseException] = []

    @property
    def count(self) -> int:
        return len(self.origins)

    async def put(
        self,
        error: BaseException,
        *,
        origin: tuple[str, int, int],
        key: bytes | None,
        value: bytes | None,
    ) -> None:
        await asyncio.sleep(0)
        self.origins.append(origin)
        self.why.append(error)


class Registry:
    """Knows every schema of ours under one id; any other is lost."""

    async def id_for(self, _subject: str, _text: str) -> int:
        return 1

    async def ids_of(self, _subject: str) -> Sequence[int]:
        return []

    async def schema_for(self, schema_id: int) -> str:
        raise RecordError(f"unknown schema id {schema_id}")


@dataclass
class Flow:
    """Where records come from: which partitions are paused, and what ended the worker."""

    paused: set[Place] = field(default_factory=set)
    faults: list[Exception] = field(default_factory=list)

    def pause(self, place: Place) -> None:
        self.paused.add(place)

    def resume(self, place: Place) -> None:
        self.paused.discard(place)

    def fail(self, problem: Exception) -> None:
        self.faults.append(problem)


class CompleteView:
    """A view that has seen all that there is."""

    async def caught_up(self) -> None:
        """Return at once."""


class FakeWorker(Worker):
    """The real worker with the outbox, letters, registry, clock and host of this file."""

    def __init__(self, name: str, settings: Settings | None = None) -> None:
        self.clock_s = 0.0  #: of the lease, monotonic
        self.now_ms = 0
        self.sent = Outbox()
        self.letters = Letters()
        self.flow = Flow()
        self.views: dict[Topic, Callable[[Record], None]] = {}
        self._offset = 0
        super().__init__(stage(name), settings or Settings())
        self.host = self.flow

    def _make_context(self, stage: Stage, settings: Settings) -> StageContext:
        real = super()._make_context(stage, settings)
        fakes: Any = {"outbox": self.sent, "dead_letters": self.letters}
        return StageContext(
            stage=stage, worker="w", settings=settings, serdes=Serdes(settings, Registry()),
            metrics=Metrics(stage.name), lease=type(real.lease)(settings.kafka, lambda: self.clock_s),
            traces=real.traces,
            now_ms=lambda: self.now_ms, **fakes,
        )  # fmt: skip

    def view(self, topic: Topic, take: Callable[[Record], None]) -> Any:
        """Return a view that is complete; `show` adds to what it has seen."""
        self.views[topic] = take
        return CompleteView()

    def show(self, topic: Topic, key: str, value: bytes | None) -> None:
        """Have the view of a topic see a record."""
        self.views[topic](Record(Place(self.context.topic_name(topic), self.partition(key)), 0, key.encode(), value))

    def make_outbox(self, **_limits: int) -> Any:
        return self.sent

    def places(self, *partitions: int) -> list[Place]:
        return [Place(name, partition) for name in self.topics() for partition in partitions]

    def partition(self, key: str) -> int:
        return self.context.partition_of(key)

    async def own(self, *partitions: int) -> None:
        """Have a rebalance end with these partitions, their tables read back, and each of them begun."""
        await self.revoked()
        self.assigned(self.places(*partitions))
        self.lifecycle.recovered()
        async with asyncio.timeout(PATIENCE_S):
            while self.lifecycle.waiting():
                await asyncio.sleep(0)

    def bring(self, topic: Topic, key: str | None, value: bytes | None, partition: int | None = None) -> int:
        """Bring the next record of a topic, and return its offset."""
        if partition is None:
            partition = self.partition(key or "")
        self._offset += 1
        raw = None if key is None else key.encode()
        place = Place(self.context.topic_name(topic), partition)
        self.inputs[topic](Record(place, self._offset, raw, value))
        return self._offset

    async def idle(self) -> None:
        """Return when everything that was brought is done."""
        await until(lambda: not self.offsets.in_flight())


def settings_with(section: str, **values: Any) -> Settings:
    """Return the defaults but for some values of one section."""
    defaults = Settings()
    return defaults.model_copy(update={section: getattr(defaults, section).model_copy(update=values)})


async def until(condition: Callable[[], Any]) -> None:
    """Return when something is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.001)


async def settle() -> None:
    """Let everything go on that can."""
    for _ in range(20):
        await asyncio.sleep(0)
