"""Topic -> pure function -> topic, with the order of effects that loses nothing.

For each record: decode (or dead-letter), step, await every send, then write the table, then let the offset be
committed. Records of different keys go through together, so that waiting for the broker costs no round trip per record.
"""

import logging
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

import anyio
from faust.types.events import EventT

from schemas.errors import RecordError
from streams.runtime.app import StageApp

log = logging.getLogger(__name__)

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

_MAX_BATCH: Final = 500
_WITHIN_S: Final = 0.02


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
) -> None:
    """Run `step` over every record of the stream; this is the body of a stage's agent."""
    async for events in _distinct(stream):
        for event in events:
            app.offsets.begin(event.message.tp, event.message.offset)
        effects = [effect for event in events if (effect := await _step(app, event, serde, step)) is not None]
        await send_all(app, [send for effect in effects for send in effect.sends])
        for effect in effects:
            for key, state in effect.writes:
                write(table, key, state)
            effect.then()
        for event in events:
            app.offsets.done(event.message.tp, event.message.offset)


async def send_all(app: StageApp, sends: Sequence[Send]) -> None:
    """Return when every record is stored."""
    async with anyio.create_task_group() as group:
        for topic, key, value in sends:
            group.start_soon(app.outbox.send, topic, key.encode(), value)


def write(table: MutableMapping[str, bytes], key: str, state: bytes | None) -> None:
    """Set or delete a key of a table."""
    if state is not None:
        table[key] = state
    elif key in table:
        del table[key]


async def _distinct(stream: Any) -> AsyncIterator[list[EventT[bytes]]]:
    """Yield events in batches in which every key stands once, so that a step sees the writes of the one before it."""
    async for events in stream.take_events(_MAX_BATCH, within=_WITHIN_S):
        batch: list[EventT[bytes]] = []
        keys: set[bytes | None] = set()
        for event in events:
            if event.message.key in keys:
                yield batch
                batch, keys = [], set()
            batch.append(event)
            keys.add(event.message.key)
        yield batch


async def _step(
    app: StageApp, event: EventT[bytes], serde: Reader[T], step: Callable[[Received[T]], Effects]
) -> Effects | None:
    message = event.message
    try:
        if message.key is None:
            raise RecordError("the record has no key: expected the resource's identity")  # noqa: TRY301
        key = message.key.decode()
        record = None if message.value is None else await serde.read(message.value)
        return step(Received(key, record, message.value))
    except Exception as error:  # noqa: BLE001 - a fault in our own code must not stop the stream nor lose the record
        origin = (message.topic, message.partition, message.offset)
        await app.dead_letters.put(error, origin=origin, key=message.key, value=message.value)
        return None
