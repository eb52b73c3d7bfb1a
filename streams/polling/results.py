"""Builds the records of a slot from a plugin's results."""

from dataclasses import dataclass

from pollers.plugins.base import Poll, Sample
from schemas.records import EnrichedResource, Job, Outcome, PollStatus, RawCounters, Resource
from streams.scheduling.slots import SlotRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a slot was actually polled."""

    slot: int  #: Unix seconds
    started_at_ms: int  #: Unix milliseconds
    ended_at_ms: int


def raw_counters(enriched: EnrichedResource, job: Job, slot: int, sample: Sample) -> RawCounters:
    """Return the sample with all constants that a gauge needs, so that the gauges stage reads no other topic."""
    resource = enriched.resource
    return RawCounters(
        resource=resource.identity,
        site=resource.site,
        endpoint=resource.endpoint,
        labels=resource.labels,
        job=job.name,
        group=sample.group,
        slot=slot,
        interval_s=job.interval_s,
        polled_at_ms=sample.polled_at_ms,
        uptime_cs=sample.uptime_cs,
        engine_boots=sample.engine_boots,
        index=sample.index,
        dimensions=sample.dimensions,
        counters=sample.counters,
        gauges=sample.gauges,
        states=sample.states,
        line_rates=sample.line_rates,
        derived=sample.derived,
        absent=sample.absent,
        offsets_ms=sample.offsets_ms,
        discontinuities_cs=sample.discontinuities_cs,
        missing=sample.missing,
        complete=sample.complete,
    )


def polled(resource: Resource, job: Job, timing: Timing, poll: Poll, worker: str) -> PollStatus:
    """Return the status of a polled slot, whatever its result."""
    return PollStatus(
        resource=resource.identity,
        site=resource.site,
        endpoint=resource.endpoint,
        job=job.name,
        slot=timing.slot,
        interval_s=job.interval_s,
        outcome=poll.outcome,
        reason=poll.reason,
        started_at_ms=timing.started_at_ms,
        lateness_ms=timing.started_at_ms - timing.slot * 1000,
        duration_ms=timing.ended_at_ms - timing.started_at_ms,
        packets_sent=poll.packets_sent,
        retries=poll.retries,
        values=poll.values,
        unreachable_since_ms=poll.unreachable_since_ms,
        worker=worker,
    )


def missed(resource: Resource, job: Job, slots: SlotRun, *, reason: str, at_ms: int, worker: str) -> PollStatus:
    """Return the status of slots that were not polled; `at_ms` is when that became certain."""
    return PollStatus(
        resource=resource.identity,
        site=resource.site,
        endpoint=resource.endpoint,
        job=job.name,
        slot=slots.first,
        slots=slots.slots,
        interval_s=job.interval_s,
        outcome=Outcome.MISSED,
        reason=reason,
        started_at_ms=at_ms,
        lateness_ms=at_ms - slots.first * 1000,
        duration_ms=0,
        packets_sent=0,
        retries=0,
        values=0,
        worker=worker,
    )
