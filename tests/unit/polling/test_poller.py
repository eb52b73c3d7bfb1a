"""Every slot of a tick gets its status, whatever a plugin makes of one of them."""

import asyncio
import time
from collections import Counter
from dataclasses import replace

import pytest

from pollers.plugins.base import Poll, Sample
from schemas.records import CounterColumn, GaugeColumn, Outcome, StateColumn
from streams.polling.agent_poller import AT_ONCE, NO_LEADER
from streams.runtime.schedule.owner import DueTick
from streams.scheduling.phase import phase
from streams.scheduling.slots import SlotRun, Span, slots_within
from tests.unit.polling.poller_fakes import JOB, MAX_BYTES, RAW, STATUS, SUCCESS, Plugin, polling, resource
from tests.unit.runtime.schedule.test_schedule_runtime import FakeLog, Harness, tick

BAD = "sw0"
DEVICES = (BAD, "sw1", "sw2")


def raises(fault):
    raise fault


def an_interval():
    """Return an interval's worth of seconds, in which everything is due once."""
    now = int(time.time())
    return DueTick(0, Span(now - 29, now + 30), gap=False)


def with_sample(**columns):
    return Poll(outcome=Outcome.SUCCESS, samples=[Sample(group="g", polled_at_ms=1, index=["a"], **columns)])


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda: None, id="returns-nothing"),
        pytest.param(lambda: raises(ValueError("odd")), id="raises"),
        pytest.param(lambda: raises(asyncio.CancelledError), id="was-cancelled-from-within"),
        pytest.param(lambda: Poll(outcome=Outcome.TIMEOUT, reason=None), id="no-reason"),
        pytest.param(lambda: Poll(outcome="fine"), id="unknown-outcome"),
        pytest.param(lambda: Poll(outcome=Outcome.SUCCESS, samples=[None]), id="no-sample"),
        pytest.param(lambda: Poll(outcome=Outcome.SUCCESS, samples=None), id="no-samples"),
        pytest.param(lambda: with_sample(gauges=[GaugeColumn(name="x", unit="", values=["a"])]), id="gauge-of-text"),
        pytest.param(
            lambda: with_sample(counters=[CounterColumn(name="x", width=64, unit="", values=[1.5])]),
            id="counter-with-a-fraction",
        ),
    ],
)
async def test_a_plugin_that_spoils_one_poll_spoils_no_other_and_the_tick_is_done(answer):
    plugin = Plugin(lambda resource_id: answer() if resource_id == BAD else SUCCESS)
    poller, app = await polling(plugin, map(resource, DEVICES))
    now = int(time.time())
    harness = Harness(now_s=now)

    async def run(due):
        await poller.run(DueTick(due.partition, Span(now - 29, now + 30), gap=False))  # an interval: each is due once

    harness.owner.run = run
    await harness.deliver(tick(now))
    async with asyncio.timeout(5):
        await harness.finish()
    assert plugin.polls == dict.fromkeys(DEVICES, 1)
    assert {status.resource[-3:]: status.outcome for status in app.statuses()} == {
        BAD: Outcome.INTERNAL, "sw1": Outcome.SUCCESS, "sw2": Outcome.SUCCESS,
    }  # fmt: skip
    assert len(app.statuses()) == len(DEVICES)
    assert harness.committable() == 1
    assert poller.outcomes == Counter({Outcome.SUCCESS: 2, Outcome.INTERNAL: 1})


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param(replace(SUCCESS, values=7, reason="x" * MAX_BYTES), id="endless-reason"),
        pytest.param(
            replace(with_sample(states=[StateColumn(name="x", values=["x" * MAX_BYTES])]), values=7),
            id="endless-sample",
        ),
    ],
)
async def test_a_poll_that_no_topic_takes_is_a_status_that_says_so(spoilt):
    poller, app = await polling(Plugin(lambda _resource: spoilt), [resource("sw1")])
    await poller.run(an_interval())
    (status,) = app.statuses()
    assert (status.outcome, status.values) == (Outcome.INTERNAL, 7)
    assert "too large" in status.reason
    assert {each.topic for each in app.sent.stored} == {STATUS}


async def in_the_middle_of_sending():
    """Return an app whose poll waits for its counters to be stored, the tick's task, and the event that stores them."""
    poller, app = await polling(Plugin(lambda _resource: with_sample()), [resource("sw1")])
    stored = app.sent.hold(RAW)
    tick_of_now = asyncio.create_task(poller.run(an_interval()))
    async with asyncio.timeout(5):
        await app.sent.waits.wait()
    return app, tick_of_now, stored


async def test_a_status_is_sent_when_its_counters_are_stored():
    app, tick_of_now, stored = await in_the_middle_of_sending()
    assert app.statuses() == []
    stored.set()
    await tick_of_now
    assert [status.outcome for status in app.statuses()] == [Outcome.SUCCESS]


async def test_a_worker_that_was_paused_meanwhile_leaves_the_status_to_the_new_owner():
    app, tick_of_now, stored = await in_the_middle_of_sending()
    app.clock_s += 60
    stored.set()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(tick_of_now), 0.5)
    assert app.statuses() == []

    app.context.lease.assigned()  # and its partition stays: otherwise the tick is cancelled
    async with asyncio.timeout(5):
        await tick_of_now
    assert [status.outcome for status in app.statuses()] == [Outcome.SUCCESS]


async def test_a_fault_of_sending_is_not_put_down_to_the_plugin():
    poller, app = await polling(Plugin(), [resource("sw1")])
    app.sent.fault = RuntimeError("odd")
    with pytest.raises(RuntimeError):  # the tick is run again
        await poller.run(an_interval())
    app.sent.fault = None
    await poller.run(an_interval())
    assert [status.outcome for status in app.statuses()] == [Outcome.SUCCESS]


async def test_an_hour_without_workers_is_one_ranged_missed_a_job_and_seconds_of_cpu_then_polling_goes_on():
    now = int(time.time())
    before, hour = now - 3_601, Span(now - 3_600, now - 1)
    jobs = [replace(JOB, interval_s=every_s) for every_s in (30, 60, 3_600)]
    resources = [resource(f"sw{number}", jobs) for number in range(5 * AT_ONCE)]
    plugin = Plugin()
    poller, app = await polling(plugin, resources)
    harness = Harness(FakeLog([tick(before)]), now_s=now)
    harness.owner.run = poller.run
    began_s = time.process_time()
    await harness.deliver(tick(hour.last, epoch=2, gap_from=hour.first), tick(now, epoch=2), first_offset=1)
    async with asyncio.timeout(60):
        await harness.finish()
    assert time.process_time() - began_s < 10.0
    assert harness.committable() == 3

    keys = [each.resource.identity for each in resources]
    missed = [status for status in app.statuses() if status.outcome is Outcome.MISSED]
    assert {status.reason for status in missed} == {NO_LEADER}
    assert {(status.resource, status.job): SlotRun(status.slot, status.slots) for status in missed} == {
        (key, job.name): slots_within(hour, phase(key, job.name, job.interval_s), job.interval_s)
        for key in keys
        for job in jobs
    }
    assert len(missed) == len(resources) * len(jobs)
    due_now = [
        key for key in keys for job in jobs if (now - phase(key, job.name, job.interval_s)) % job.interval_s == 0
    ]
    assert sum(plugin.polls.values()) == len(due_now) > 0
    assert poller.outcomes == Counter(
        {Outcome.MISSED: sum(status.slots for status in missed), Outcome.SUCCESS: len(due_now)}
    )
