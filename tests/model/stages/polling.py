"""Polling: every slot of every job of a resource has a status, from the moment on at which its worker knew of it."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from types import SimpleNamespace

from pollers.plugins.base import Kind, Poll, Sample
from schemas.records import CounterColumn, EnrichedResource, Job, Outcome, PollStatus, RawCounters, Tick
from streams.pipeline import Topic
from streams.runtime.kafka.partitions import partition_of
from streams.runtime.kernel.records import Place
from streams.runtime.plugins import Installed
from streams.scheduling.fencing import Fence
from streams.scheduling.phase import phase
from streams.scheduling.slots import Span
from tests.model.promises import PARTITIONS
from tests.model.stage_model import Given, StageModel
from tests.model.stages.parts import GARBAGE, KEYS, resource
from tests.model.world import World

#: resource, job and slot -> how often each outcome was said of it
Told = defaultdict[tuple[str, str, int], Counter[Outcome]]


class Polling(StageModel):
    name = "polling"
    settle_s = 40.0

    def begin(self, world: World) -> None:
        super().begin(world)
        self.enriched = world.serdes.of(Topic.ENRICHED_RESOURCES, EnrichedResource)
        self.statuses = world.serdes.of(Topic.POLL_STATUS, PollStatus)
        self.counters = world.serdes.of(Topic.RAW_COUNTERS, RawCounters)
        #: what a worker polls by: the job, where its record stands, since when that is committed
        self.last: dict[str, tuple[Job | None, Place, int]] = {}
        self.since_s: dict[tuple[Place, int], float] = {}
        self.ticks = world.serdes.of(Topic.TICKS_POLLING, Tick)
        self.fences: defaultdict[int, Fence] = defaultdict(Fence)
        self.told: Told = defaultdict(Counter)
        self.read: Counter[int] = Counter()  #: statuses of each partition that are in `told`

    def plugins(self) -> SimpleNamespace:
        section = SimpleNamespace(name="ping", title="polling:ping", interval_s=10)
        installed = [Installed(section, lambda _resource: True, self)]  # type: ignore[arg-type]
        return SimpleNamespace(of={Kind.POLLING: installed}.__getitem__, know=lambda _known: None)

    async def poll(self, _enriched: EnrichedResource, _job: Job, slot: int) -> Poll:
        await asyncio.sleep(self.world.device_s)
        if not self.world.devices_answer:
            return Poll(outcome=Outcome.TIMEOUT, reason="no answer")
        octets = CounterColumn(name="octets", width=64, unit="octets", values=(slot,))
        at_ms = int(self.world.clock.now_s * 1000)
        return Poll(
            outcome=Outcome.SUCCESS, samples=[Sample(group="g", polled_at_ms=at_ms, index=("a",), counters=[octets])]
        )

    def given(self, key: int, variant: int) -> Given:
        name = KEYS[key].encode()
        place = Place(self.world.topic_name(Topic.ENRICHED_RESOURCES), partition_of(name, PARTITIONS))
        if variant == 1:
            return Given(Topic.ENRICHED_RESOURCES, name, GARBAGE, is_usable=False)
        job = Job(plugin="ping", profile="", interval_s=5 + 5 * (variant % 2))
        self.last[KEYS[key]] = (job if variant else None, place, len(self.world.broker.logs[place]))
        if variant == 0:
            return Given(Topic.ENRICHED_RESOURCES, name, None)
        known = resource(key, 2 if variant == 8 else variant)  # one too large for a status would have none
        value = self.enriched.encode(EnrichedResource(resource=known, enrichments={}, jobs=(job,), jobs_since_ms=1))
        return Given(Topic.ENRICHED_RESOURCES, name, value)

    def committed(self, place: Place, passed: range) -> None:
        """No commit passes a tick before each of its slots has a status."""
        for offset in passed:
            if place.topic != self.world.topic_name(Topic.TICKS_POLLING):
                self.since_s.setdefault((place, offset), self.world.clock.now_s)
                continue
            tick = self.ticks.decode(self.world.broker.logs[place][offset].value or b"")
            span = self.fences[place.partition].admit(tick).span
            if span is not None:
                self._check_slots(place.partition, span)

    def _known(self) -> Iterator[tuple[str, Job, int, int]]:
        """Yield each resource that is surely polled, its job, its partition, and the first second that counts."""
        for key, (job, place, offset) in self.last.items():
            since_s = self.since_s.get((place, offset))
            if job is not None and since_s is not None:
                yield key, job, place.partition, int(since_s) + 2

    def _check_slots(self, partition: int, span: Span) -> None:
        told = self._told()
        for key, job, number, since in self._known():
            if number == partition:
                untold = [
                    slot
                    for slot in _slots(key, job, max(since, span.first), span.last)
                    if not told[key, job.name, slot]
                ]
                assert not untold, f"a tick is committed, and slots of {key} have no status: {untold}"

    def check(self) -> None:
        """Every slot has one status, its counters before it; more only where work may rightly have been done twice."""
        told = self._told()
        end_s = int(self.world.clock.now_s) - 20
        for key, job, _, since in self._known():
            for slot in _slots(key, job, since, end_s):
                outcomes = told[key, job.name, slot]
                assert outcomes, f"slot {slot} of {key} has no status"
                assert self.world.is_rough or sum(outcomes.values()) == 1, f"slot {slot} of {key} has {outcomes}"
        self._check_counters(told)

    def _told(self) -> Told:
        """Return what was said of each slot so far."""
        for number in range(PARTITIONS):
            log = self.world.broker.logs[Place(self.world.topic_name(Topic.POLL_STATUS), number)]
            for entry in log[self.read[number] :]:
                status = self.statuses.decode(entry.value or b"")
                for nth in range(status.slots):
                    slot = status.slot + nth * status.interval_s
                    self.told[status.resource, status.job, slot][Outcome(status.outcome)] += 1
            self.read[number] = len(log)
        return self.told

    def _check_counters(self, told: Told) -> None:
        """Who reads of a success can rely on its counters."""
        found = {
            (key, record.job, record.slot)
            for key in KEYS
            for record in map(self.counters.decode, filter(None, self.world.values(Topic.RAW_COUNTERS, key.encode())))
        }
        missing = [slot for slot, outcomes in told.items() if outcomes[Outcome.SUCCESS] and slot not in found]
        assert not missing, f"polled, and their counters are not there: {missing}"


def _slots(key: str, job: Job, first: int, last: int) -> Iterator[int]:
    at = phase(key, job.name, job.interval_s)
    return (slot for slot in range(first, last + 1) if slot % job.interval_s == at)
