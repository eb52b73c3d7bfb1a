"""Polls what is due at each slot, and publishes its counters and a status."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

from pollers.plugins.base import Kind, Poll, PollingPlugin
from schemas.errors import FatalError, RecordError
from schemas.records import EnrichedResource, Job, Outcome, PollStatus, RawCounters
from streams.pipeline import Topic
from streams.polling.agent_turns import PollTurns
from streams.polling.packing import pack, pack_status
from streams.polling.resource_state import ResourceState, ResourceStates, compressed, decompressed
from streams.polling.results import Timing, missed, polled
from streams.runtime.kafka.outbox import Outgoing
from streams.runtime.kernel.context import StageContext, now_ms
from streams.runtime.kernel.effects import Effects, Write, decoding
from streams.runtime.kernel.lifecycle import Part
from streams.runtime.kernel.records import Record as Incoming
from streams.runtime.kernel.table import Table
from streams.runtime.ops.profile_metrics import measure_profiles
from streams.runtime.plugins import Plugins
from streams.runtime.schedule.owner import DueTick
from streams.runtime.schedule.schedules import Schedules
from streams.scheduling.inflight import Caps, InFlight, Missed, PollId
from streams.scheduling.slots import SlotRun

NO_LEADER: Final = "no schedule was published for this time: all leaders were down"
BAD: Final = frozenset({Outcome.TIMEOUT, Outcome.UNREACHABLE})
SUSPECTS_SHARE: Final = 4  #: of the polls in flight, at most one in so many may be of devices that went badly last time
#: missed statuses that are written before others get the event loop, for records are decoded for them
AT_ONCE: Final = 100
#: for others, seconds: the counters before them were stored together
STATUSES_WAIT_S: Final = 0.005
#: over its interval: a plugin's own deadline is shorter, but it may have to wait for another poll of the device first
MARGIN_S: Final = 60.0
#: the first faults are logged, then a sample; each is a status, and all are counted
_SAID_FIRST: Final = 10
_SAID_EVERY: Final = 100

log = logging.getLogger(__name__)


class PollRecords(NamedTuple):
    """The records to publish for one poll."""

    outcome: Outcome
    status: Outgoing
    counters: Sequence[Outgoing]


class Poller(Part):
    """Polls what is due, and publishes the results."""

    def __init__(self, context: StageContext, table: Table, plugins: Plugins) -> None:
        self.table = table
        self._context = context
        self._outbox = context.outbox
        self._lease = context.lease
        self._zone = context.settings.polling.zone
        self.plugins, self._know = plugins.of(Kind.POLLING), plugins.know
        self._asking = PluginCaller({plugin.section.name: plugin.instance for plugin in self.plugins})
        self._serde = context.serdes.of(Topic.ENRICHED_RESOURCES, EnrichedResource)
        self._raw_serde = context.serdes.of(Topic.RAW_COUNTERS, RawCounters)
        self._status_serde = context.serdes.of(Topic.POLL_STATUS, PollStatus)
        self._raw_topic = context.topic_name(Topic.RAW_COUNTERS)
        self._status_topic = context.topic_name(Topic.POLL_STATUS)
        room = context.settings.polling.max_polls_in_flight
        self.turns = PollTurns(InFlight(Caps(polls=room, suspects=max(1, room // SUSPECTS_SHARE))), self._miss)
        self.outcomes: Counter[Outcome] = Counter()
        self.lateness_s = 0.0  #: sum over all polls
        self._states = ResourceStates(lambda stored: self._serde.decode(decompressed(stored)))
        self.schedules = Schedules(table, self._jobs_of)
        self._measure()

    def _jobs_of(self, _key: str, stored: bytes) -> Sequence[Job]:
        enriched = self._serde.decode(decompressed(stored))
        self._know(enriched)
        return enriched.jobs

    def _measure(self) -> None:
        metrics, in_flight = self._context.metrics, self.turns.in_flight
        metrics.counters(
            "slots", "slots by what became of them", "outcome", lambda: [(o.value, n) for o, n in self.outcomes.items()]
        )
        metrics.counter("poll_lateness_seconds", "sum of how late polls started", lambda: self.lateness_s)
        metrics.counter("plugin_faults", "polls that a fault of their plugin spoilt", lambda: self._asking.faults)
        measure_profiles(metrics, [plugin.instance for plugin in self.plugins])
        metrics.gauge("polls_running", "polls that run", lambda: in_flight.running)
        metrics.gauge("polls_waiting", "polls that wait for room", lambda: in_flight.waiting)
        metrics.gauge(
            "poll_pressure",
            "how near the worker is to missing slots; at 1 add a worker",
            lambda: in_flight.pressure(time.time(), self.schedules.slots_per_s),
        )
        metrics.gauge(
            "resources_owned", "resources of the partitions that this worker owns", lambda: len(self.schedules)
        )
        metrics.gauge(
            "resources_set_aside",
            "resources that are not polled, for their record in the table cannot be read",
            lambda: self.schedules.set_aside,
        )

    def lost(self, partitions: frozenset[int]) -> None:
        self._states.keep_only(lambda key: self._context.partition_of(key) not in partitions)

    def step(self, record: Incoming) -> Effects:
        """Store an enriched resource, and schedule its jobs."""
        return decoding(self._serde, partial(self._remember, record))(record)

    def _remember(self, record: Incoming, key: str, enriched: EnrichedResource | None) -> Effects:
        partition = record.place.partition
        if enriched is None or record.value is None or enriched.resource.zone != self._zone:
            return Effects(writes=(Write(key.encode(), None),), then=lambda: self._remove(partition, key))
        stored = compressed(record.value)
        return Effects(writes=(Write(key.encode(), stored),), then=lambda: self.schedules.put(partition, key, stored))

    def _remove(self, partition: int, key: str) -> None:
        self.schedules.remove(partition, key)
        self._states.remove(key)

    def _stored(self, key: str) -> bytes | None:
        return self.table.get(self._context.partition_of(key), key.encode())

    async def run(self, due: DueTick) -> None:
        """Poll, or record as missed, every (resource, job) that a tick asks for."""
        if due.gap:
            await self._miss_gap(due)
            return
        schedule = self.schedules.of(due.partition)
        polls = [PollId(key, job, slot) for slot in due.span.seconds for key, job in schedule.due(slot)]
        await asyncio.gather(*(self.turns.take(poll, self._poll) for poll in polls))

    async def _miss_gap(self, due: DueTick) -> None:
        runs = tuple(self.schedules.of(due.partition).missed_within(due.span))
        for begin in range(0, len(runs), AT_ONCE):
            missed_runs = runs[begin : begin + AT_ONCE]
            statuses = [self._missed_status(key, job, slots, NO_LEADER) for key, job, slots in missed_runs]
            await self._outbox.send_all([record for record in statuses if record is not None])

    async def _poll(self, poll_id: PollId) -> bool:
        """Poll one slot, publish what came of it, and return whether the device did badly."""
        key, job, slot = poll_id
        stored = self._stored(key)
        if stored is None:
            return False  # it expired meanwhile
        state = self._states.get(key, stored)
        started_at_ms = now_ms()
        poll = await self._asking.ask(state.enriched, job, slot)
        timing = Timing(slot=slot, started_at_ms=started_at_ms, ended_at_ms=now_ms())
        self.lateness_s += max(0.0, started_at_ms / 1000 - slot)
        outcome = await self._publish(state, job, timing, poll)
        slow = (timing.ended_at_ms - timing.started_at_ms) * 2 > job.interval_s * 1000
        return slow or outcome in BAD

    async def _publish(self, state: ResourceState, job: Job, timing: Timing, poll: Poll) -> Outcome:
        """Return what became of the slot when that is stored.

        The status comes last: who reads of a success can rely on its counters. Those of a worker that was
        paused meanwhile may have come after a later slot's, too late for a gauge: what to say of it is the new owner's.
        """
        records = self._encoded(state, job, timing, poll)
        try:
            await self._outbox.send_all(records.counters)
            await self._lease.sure()
            await self._outbox.send_all([records.status], STATUSES_WAIT_S)
        except RecordError as error:
            records = self._encoded(state, job, timing, _spoilt(poll, error))
            await self._outbox.send_all([records.status])
        self.outcomes[records.outcome] += 1
        return records.outcome

    def _encoded(self, state: ResourceState, job: Job, timing: Timing, poll: Poll) -> PollRecords:
        """Return the poll's records; of one that cannot be written, the status that says so."""
        try:
            return self._records(state, job, timing, poll)
        except FatalError:
            raise
        except RecordError as error:
            spoilt = _spoilt(poll, error)
        except Exception as fault:  # noqa: BLE001 - the edge of the stage: one device's poll is not to fail its tick
            why = f"what it returned is no Poll: {type(fault).__name__}"
            spoilt = self._asking.fault(state.enriched.resource.identity, job, why, fault)
        return self._records(state, job, timing, spoilt)

    def _records(self, state: ResourceState, job: Job, timing: Timing, poll: Poll) -> PollRecords:
        resource = state.enriched.resource
        # the status first: a RecordError of the samples then says that the rest of the poll can be written
        status = pack_status(self._status_serde.header, polled(resource, job, timing, poll, self._context.worker))
        counters = self._counters(state, job, timing.slot, poll)
        return PollRecords(
            Outcome(poll.outcome), Outgoing(self._status_topic, resource.identity.encode(), status), counters
        )

    def _counters(self, state: ResourceState, job: Job, slot: int, poll: Poll) -> list[Outgoing]:
        """Return the records of the poll's samples. Raises RecordError for one that is none."""
        header, key = self._raw_serde.header, state.enriched.resource.identity.encode()
        return [
            Outgoing(self._raw_topic, key, pack(header, state.enriched, job, slot, sample, state.heads))
            for sample in poll.samples
        ]

    async def _miss(self, missed_poll: Missed) -> None:
        key, job, slot = missed_poll.poll
        record = self._missed_status(key, job, SlotRun(slot, 1), missed_poll.reason)
        if record is not None:
            await self._outbox.send_all([record])

    def _missed_status(self, key: str, job: Job, slots: SlotRun, reason: str) -> Outgoing | None:
        stored = self._stored(key)
        if stored is None:
            return None
        self.outcomes[Outcome.MISSED] += slots.slots
        resource = self._states.get(key, stored).enriched.resource
        status = missed(resource, job, slots, reason=reason, at_ms=now_ms(), worker=self._context.worker)
        return Outgoing(self._status_topic, key.encode(), pack_status(self._status_serde.header, status))


def _spoilt(poll: Poll, error: RecordError) -> Poll:
    """Return what is left of a poll whose samples no topic takes."""
    return replace(poll, outcome=Outcome.INTERNAL, reason=str(error), samples=())


def time_limit_s(job: Job) -> float:
    """Return the time limit of a poll of the job, in seconds; without one it would hold up its tick for ever."""
    return job.interval_s + MARGIN_S


class PluginCaller:
    """Calls the plugins of this worker by section name; errors become results, and the next slot is the retry."""

    def __init__(self, plugins: Mapping[str, PollingPlugin], limit_s: Callable[[Job], float] = time_limit_s) -> None:
        self.faults = 0  #: polls that a plugin spoilt
        self._plugins = plugins
        self._limit_s = limit_s

    async def ask(self, enriched: EnrichedResource, job: Job, slot: int) -> Poll:
        """Poll by the job's plugin, and return the result; raises nothing but the caller's cancellation."""
        plugin = self._plugins.get(job.plugin)
        if plugin is None:
            known = ", ".join(sorted(self._plugins)) or "none"
            reason = f"no section [polling:{job.plugin}] is configured here (there is: {known})"
            return Poll(outcome=Outcome.INTERNAL, reason=reason)
        key, limit = enriched.resource.identity, asyncio.timeout(self._limit_s(job))
        try:
            async with limit:
                poll: object = await plugin.poll(enriched, job, slot)  # what a plugin really returns
        except asyncio.CancelledError as fault:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return self.fault(key, job, "it was cancelled from within", fault)
        except Exception as fault:  # noqa: BLE001 - the edge of the stage
            late = limit.expired()
            why = f"not ended after {self._limit_s(job):g} s" if late else type(fault).__name__
            return self.fault(key, job, why, fault)
        if not isinstance(poll, Poll):
            return self.fault(key, job, f"expected a Poll, returned {type(poll).__name__}")
        return poll

    def fault(self, key: str, job: Job, why: str, fault: BaseException | None = None) -> Poll:
        """Return the result for a plugin's error; count it, and log it now and then.

        `why` is for everybody to read: what an exception says of itself may hold secrets, and stands in the log only.
        """
        self.faults += 1
        if self.faults <= _SAID_FIRST or self.faults % _SAID_EVERY == 0:
            line = "plugin fault resource=%s job=%s why=%s faults=%d"
            log.error(line, key, job.name, why, self.faults, exc_info=fault)
        return Poll(outcome=Outcome.INTERNAL, reason=f"fault in plugin {job.plugin}: {why}")
