"""What a worker reaches beside the consumer: producer, registry, ticks and the election, all within the model."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aiokafka.errors import KafkaConnectionError

from schemas.errors import BackendError, RecordError
from schemas.records import Tick
from streams.runtime.kernel.records import Place
from streams.runtime.schedule.leadership import Term
from tests.model.broker import Broker, Entry
from tests.model.clock import ProcessLoop


class Batch(list[Entry]):
    def append(self, *, timestamp: int, key: bytes | None, value: bytes | None) -> object:  # type: ignore[override]
        super().append(Entry(key, value))
        return self

    def close(self) -> None:
        """Do nothing: what is stored is looked at one record after the other."""


class EmptyView:
    """A view of a topic in which nothing stands, and to which nothing comes."""

    lag = 0

    def __init__(self, *_: object) -> None:
        """It needs nothing."""

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def caught_up(self) -> None:
        """Return at once."""


async def no_connection(*_: object, **__: object) -> None:
    """Stand for who asks a broker why it takes no producer: it is away."""
    raise KafkaConnectionError("the broker is away")


class Client:
    """Aiokafka's, as far as the outbox knows it."""

    async def _metadata_update(self, *_: object) -> bool:
        return True


class Producer:
    """Aiokafka's, as far as the outbox uses it. What it was given is stored even if its process is killed."""

    def __init__(self, broker: Broker) -> None:
        self._broker: Final = broker
        self._name: Final = broker.name()
        self.client: Final = Client()

    async def start(self) -> None:
        if not self._broker.stores:
            raise KafkaConnectionError("the broker is away")

    async def stop(self) -> None:
        """Do nothing: there is no connection."""

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> "asyncio.Future[None]":
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()
        if isinstance(loop, ProcessLoop) and loop.is_dead:
            return stored

        def answer(fault: Exception | None) -> None:
            if stored.done() or stored.get_loop().is_closed():
                return
            if fault is None:
                stored.set_result(None)
            else:
                stored.set_exception(fault)

        self._broker.produce(self._name, Place(topic, partition), tuple(batch), answer)
        return stored


class Registry:
    """Ids of schemas in the order in which they came."""

    def __init__(self) -> None:
        self.texts: dict[int, str] = {}
        self.subjects: dict[str, list[int]] = {}
        self.is_away = False

    async def id_for(self, subject: str, text: str) -> int:
        known = next((number for number, each in self.texts.items() if each == text), len(self.texts) + 1)
        self.texts[known] = text
        if known not in self.subjects.setdefault(subject, []):
            self.subjects[subject].append(known)
        return known

    async def schema_for(self, schema_id: int) -> str:
        if self.is_away:
            raise BackendError("the registry is away")
        if schema_id not in self.texts:
            raise RecordError(f"unknown schema id {schema_id}")
        return self.texts[schema_id]

    async def ids_of(self, subject: str) -> list[int]:
        return list(self.subjects.get(subject, ()))


class TickLog:
    """The last ticks of each partition, as they stand in the log."""

    def __init__(self, broker: Broker, topic: str, serde: Any, lookback: int) -> None:
        self._broker, self._topic, self._serde, self._lookback = broker, topic, serde, lookback

    async def ends(self) -> Mapping[int, Sequence[Tick]]:
        numbers = range(self._broker.partitions)
        return await self.before({number: len(self._broker.logs[Place(self._topic, number)]) for number in numbers})

    async def before(self, offsets: Mapping[int, int]) -> Mapping[int, Sequence[Tick]]:
        await asyncio.sleep(self._broker.latency_s)
        return {number: await self._read(number, end) for number, end in offsets.items()}

    async def _read(self, number: int, end: int) -> Sequence[Tick]:
        entries = self._broker.logs[Place(self._topic, number)][max(0, end - self._lookback) : end]
        return [await self._serde.read(entry.value) for entry in entries]


class Election:
    """ZooKeeper's: who has waited longest leads."""

    def __init__(self) -> None:
        self._queue: list[Candidate] = []
        self._sequence = 0
        self._leads: Candidate | None = None

    def enter(self, candidate: "Candidate") -> None:
        self._queue.append(candidate)
        self._next()

    def leave(self, candidate: "Candidate") -> None:
        if candidate in self._queue:
            self._queue.remove(candidate)
        if self._leads is candidate:
            self._leads = None
        self._next()

    def _next(self) -> None:
        if self._leads is None and self._queue:
            self._leads = self._queue[0]
            self._sequence += 1
            self._leads.elected(self._sequence)


class Candidate:
    """A worker's `Leadership`."""

    def __init__(
        self, election: Election, on_elected: Callable[[Term], None], on_deposed: Callable[[Term], None]
    ) -> None:
        self._election, self._on_elected, self._on_deposed = election, on_elected, on_deposed
        self._term: Term | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._election.enter(self)

    async def stop(self) -> None:
        self.lapse()

    def elected(self, sequence: int) -> None:
        self._term = Term(sequence, threading.Event())
        if self._loop is not None and not self._loop.is_closed():  # of a dead one the session still leads
            self._loop.call_soon(self._on_elected, self._term)

    def lapse(self) -> None:
        """End the session: the process hears of it when it runs again."""
        self._election.leave(self)
        term, self._term = self._term, None
        if term is not None and self._loop is not None and not self._loop.is_closed():
            term.over.set()
            self._loop.call_soon(self._on_deposed, term)

    def again(self) -> None:
        """Queue up anew."""
        if self._loop is not None and self not in self._election._queue:
            self._election.enter(self)
