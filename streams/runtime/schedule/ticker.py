"""The leader's work: publishes the ticks of a stage ahead of their time, and stops at once when the term is over."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from aiokafka.errors import KafkaError

from schemas.errors import BackendError
from schemas.records import Tick
from streams.runtime.kafka.outbox import Outbox
from streams.runtime.ops.waiting import wait_for
from streams.runtime.schedule.leadership import Term
from streams.scheduling.fencing import Fence, next_epoch
from streams.scheduling.leader import Planned, TickPace, ahead_s, plan

log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 1.0
_MOST_IN_A_BATCH: Final = 1_000  #: ticks: some 100 KB, where an outbox takes half a megabyte as one batch
MOST_TERMS: Final = 100  #: remembered for the web view


class TickEnds(Protocol):
    """Reads the last ticks of each partition."""

    async def ends(self) -> Mapping[int, Sequence[Tick]]:
        """Return the last records of every partition, oldest first."""
        ...


class _Encoder(Protocol):
    def encode(self, record: Tick) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTerm:
    """A term of this worker, for the web view and the metrics."""

    epoch: int
    started_at_ms: int
    ended_at_ms: int | None = None  #: None while it lasts


@dataclass(kw_only=True)
class Ticker:
    """Publishes ticks for as long as a term lasts."""

    stage: str
    topic: str
    worker: str  #: this one, for people
    pace: TickPace
    log_of_ticks: TickEnds
    serde: _Encoder
    outbox: Outbox
    now_s: Callable[[], float]
    published: int = field(default=0, init=False)  #: ticks, gap ticks included
    term: OwnTerm | None = field(default=None, init=False)  #: the current one, while this worker leads
    terms: list[OwnTerm] = field(default_factory=list, init=False)  #: all of this worker's, oldest first
    _last_slots: dict[int, int | None] = field(default_factory=dict, init=False)

    async def lead(self, term: Term) -> None:
        """Publish due ticks until the term is over."""
        ends = await wait_for(
            "kafka",
            self.topic,
            self.log_of_ticks.ends,
            absent=(KafkaError, OSError, BackendError),
            give_up=term.over.is_set,
        )
        if ends is None:
            return  # deposed while it waited
        fences = {partition: Fence().replay(ticks) for partition, ticks in ends.items()}
        epoch = next_epoch(term.sequence, fences)
        self._last_slots = {partition: fence.last_slot for partition, fence in fences.items()}
        self.term = OwnTerm(epoch=epoch, started_at_ms=self._now_ms())
        self.terms = [*self.terms[1 - MOST_TERMS :], self.term]
        log.info("leading stage=%s epoch=%d partitions=%d", self.stage, epoch, len(fences))
        try:
            while not term.over.is_set():
                await self._publish(epoch, term)
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            self.terms[-1] = replace(self.terms[-1], ended_at_ms=self._now_ms())
            self.term = None
            log.info("no longer leading stage=%s epoch=%d", self.stage, epoch)

    def ahead_s(self) -> float:
        """Return how far ahead the slowest partition's ticks are published; 0 in a worker that does not lead."""
        return ahead_s(self._last_slots, self.now_s()) if self.term is not None else 0.0

    def _now_ms(self) -> int:
        return int(self.now_s() * 1000)

    async def _publish(self, epoch: int, term: Term) -> None:
        due = plan(self._last_slots, self.now_s(), self.pace)
        await asyncio.gather(*(self._send(partition, slots, epoch, term) for partition, slots in due.items()))

    async def _send(self, partition: int, slots: Sequence[Planned], epoch: int, term: Term) -> None:
        """Send the ticks of one partition, some batches one after the other where there are many."""
        key = str(partition).encode()
        for begin in range(0, len(slots), _MOST_IN_A_BATCH):
            if term.over.is_set():
                return
            batch = slots[begin : begin + _MOST_IN_A_BATCH]
            ticks = [self.serde.encode(self._tick(partition, planned, epoch)) for planned in batch]
            await self.outbox.send_batch(self.topic, partition, [(key, ticks)])
            self._last_slots[partition] = batch[-1].slot
            self.published += len(ticks)

    def _tick(self, partition: int, planned: Planned, epoch: int) -> Tick:
        return Tick(
            stage=self.stage,
            slot=planned.slot,
            gap_from=planned.gap_from,
            partition=partition,
            epoch=epoch,
            leader=self.worker,
            published_at_ms=self._now_ms(),
        )
