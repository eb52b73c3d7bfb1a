"""Topic -> pure function -> topic, with the order of effects that loses nothing.

For each record: decode (or dead-letter), step, await every send, then write the table, then let the offset be
committed. Records of different keys go through together, so that waiting for the broker costs no round trip per record.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, MutableMapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from faust.types.events import EventT

from schemas.errors import FatalError, RecordError
from streams.runtime.faust.app import StageApp
from streams.runtime.kafka.outbox import Record
from streams.runtime.kernel.alone import Alone
from streams.runtime.registry.serde import UnknownSchema

log = logging.getLogger(__name__)

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

_MAX_BATCH: Final = 500


class Reader(Protocol[T_co]):
    async def read(self, value: bytes) -> T_co:
        """Return the record, waiting for its schema if need be. Raises RecordError."""
        ...


class Received(NamedTuple, Generic[T]):
    key: str
    record: T | None  #: None is a tombstone
    value: bytes | None  #: the record as it came


class Send(NamedTuple):
    topic: str
    key: str
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Effects:
    """What one record leads to."""

    sends: Sequence[Send] = ()
    writes: Sequence[tuple[str, bytes | None]] = ()  #: key and new state in the table; None deletes it
    then: Callable[[], None] = field(default=lambda: None)  #: called when all of that is in place


async def fold_topic(
    app: StageApp,
    stream: Any,
    serde: Reader[T],
    table: MutableMapping[str, bytes],
    step: Callable[[Received[T]], Effects],
    alone: Alone | None = None,
) -> None:
    """Run `step` over every record of the stream; this is the body of a stage's agent.

    `alone` is shared with whatever else of the stage sends and writes the same keys.
    """
    async for events in _distinct(app, stream):
        for event in events:
            app.offsets.begin(event.message.tp, event.message.offset)
        async with AsyncExitStack() as held:
            if alone is not None:  # no others wait for one key while they hold another: this cannot deadlock
                for key in (event.message.key for event in events):
                    if key is not None:
                        await held.enter_async_context(alone.of(key.decode(errors="surrogateescape")))
            effects = await asyncio.gather(*(_deliver(app, event, serde, step) for event in events))
            for event, effect in zip(events, effects, strict=True):
                for key, state in effect.writes:
                    write(table, key, state)
                effect.then()
                app.offsets.done(event.message.tp, event.message.offset)


async def send_all(app: StageApp, sends: Sequence[Send]) -> None:
    """Return when every record is stored. Raises RecordError if one is too large for its topic."""
    if len(sends) == 1:
        topic, key, value = sends[0]
        await app.outbox.send(topic, key.encode(), value)
    elif sends:
        await app.outbox.send_all([Record(topic, key.encode(), value) for topic, key, value in sends])


def write(table: MutableMapping[str, bytes], key: str, state: bytes | None) -> None:
    """Set or delete a key of a table."""
    if state is not None:
        table[key] = state
    elif key in table:
        del table[key]


async def _distinct(app: StageApp, stream: Any) -> AsyncIterator[list[EventT[bytes]]]:
    """Yield events in batches in which every key stands once, so that a step sees the writes of the one before it.

    Events that were gathered before a rebalance are left out: they are delivered again, here or elsewhere.
    """
    async for events in _waiting(stream):
        batch: list[EventT[bytes]] = []
        keys: set[bytes | None] = set()
        for event in events:
            if event.message.key in keys:
                yield _current(app, batch)
                batch, keys = [], set()
            batch.append(event)
            keys.add(event.message.key)
        yield _current(app, batch)


async def _waiting(stream: Any) -> AsyncIterator[list[EventT[bytes]]]:
    """Yield all events that have come, but no more than so many at once.

    Faust's `take_events` collects them by a timer, also where none come: a tenth of what a polling worker did.
    """
    events: list[EventT[bytes]] = []
    async for event in stream.noack().events():
        events.append(event)
        if len(events) >= _MAX_BATCH or stream.channel.empty():
            yield events
            events = []


def _current(app: StageApp, events: Iterable[EventT[bytes]]) -> list[EventT[bytes]]:
    return [event for event in events if event.message.generation_id == app.consumer_generation_id]


async def _stepped(step: Callable[[Received[T]], Effects], received: Received[T]) -> Effects:
    """Return what the step returns; schemas of table entries that a newer worker wrote are fetched first."""
    while True:
        try:
            return step(received)
        except UnknownSchema as unknown:
            await unknown.prepare()


async def _deliver(
    app: StageApp, event: EventT[bytes], serde: Reader[T], step: Callable[[Received[T]], Effects]
) -> Effects:
    """Return what is left to do when everything that the record leads to is stored; nothing if it is a dead letter."""
    message = event.message
    try:
        if message.key is None:
            raise RecordError("the record has no key: expected the resource's identity")  # noqa: TRY301
        key = message.key.decode()
        record = None if message.value is None else await serde.read(message.value)
        effects = await _stepped(step, Received(key, record, message.value))
        await send_all(app, effects.sends)
    except FatalError as fault:  # every record after it would be set aside as well, and each of them is good
        await app.crash(fault)
        raise
    except Exception as error:  # noqa: BLE001 - a fault in our own code must not stop the stream nor lose the record
        origin = (message.topic, message.partition, message.offset)
        await app.dead_letters.put(error, origin=origin, key=message.key, value=message.value)
        return Effects()
    return effects
