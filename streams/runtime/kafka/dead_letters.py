"""Stores records that could not be processed in the dead-letters topic, with the reason."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

from schemas.errors import RecordError
from schemas.records import DeadLetter
from streams.runtime.kafka.outbox import Outbox

log = logging.getLogger(__name__)

_MAX_REASON: Final = 2_000
#: the first letters are logged, then a sample; all of them are counted and stored
_SAID_FIRST: Final = 10
_SAID_EVERY: Final = 100


class _Encoder(Protocol):
    def encode(self, record: DeadLetter) -> bytes: ...


class DeadLetters:
    """Publishes to the dead-letters topic, and counts."""

    def __init__(self, stage: str, topic: str, serde: _Encoder, outbox: Outbox, now_ms: Callable[[], int]) -> None:
        self._stage = stage
        self._topic = topic
        self._serde = serde
        self._outbox = outbox
        self._now_ms = now_ms
        self.count = 0

    async def put(
        self, error: BaseException, *, origin: tuple[str, int, int], key: bytes | None, value: bytes | None
    ) -> None:
        """Store a record that failed with `error`; `origin` is its topic, partition and offset."""
        topic, partition, offset = origin
        self.count += 1
        if self.count <= _SAID_FIRST or self.count % _SAID_EVERY == 0:
            log.warning("dead letter topic=%s partition=%d offset=%d reason=%s", topic, partition, offset, error)
        letter = DeadLetter(
            stage=self._stage,
            reason=str(error)[:_MAX_REASON],
            error=type(error).__name__,
            topic=topic,
            partition=partition,
            offset=offset,
            at_ms=self._now_ms(),
            key=key,
            value=value,
        )
        try:
            await self._outbox.send(self._topic, key, self._serde.encode(letter))
        except RecordError:
            reason = (
                f"{letter.reason} (its {len(value or b'')} bytes are too many for this topic: read them at the origin)"
            )
            await self._outbox.send(self._topic, key, self._serde.encode(replace(letter, reason=reason, value=None)))
