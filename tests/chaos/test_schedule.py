"""After anything dies: no slot unaccounted for, a short gap, and nothing polled twice that was not killed."""

import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.chaos.conftest import LONG
from tests.chaos.follower import Status
from tests.chaos.pipeline import (
    DEVICES,
    INTERVAL_S,
    PUBLISH_AHEAD_S,
    REQUEST_TIMEOUT_S,
    SESSION_TIMEOUT_S,
    Pipeline,
)

Survives = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.timeout(400)
#: after a slot, when some of its counters are on their way to the broker
MIDDLE_OF_SENDING_S = 0.05
long_form = pytest.mark.skipif(not LONG, reason="make chaos runs it")


def follower_of(pipeline: Pipeline) -> Any:
    """Return a polling worker that does not lead."""
    leader = pipeline.leader()
    return next(worker for worker in pipeline.workers["polling"] if worker is not leader)


def next_poll(pipeline: Pipeline, pid: int | None = None) -> Status:
    """Return the status that a poll of a second from now or later will have, if it goes as the last one did.

    Of the worker with this `pid`, or of any.
    """
    last = next(
        status
        for status in reversed(pipeline.follower.statuses)
        if status.slot > time.time() - 3 * INTERVAL_S and status.outcome == "SUCCESS" and pid in (None, status.pid)
    )
    due_s = last.slot + INTERVAL_S * math.ceil((time.time() + 1 - last.slot) / INTERVAL_S)
    return last._replace(slot=due_s)


def sleep_until(moment_s: float) -> None:
    time.sleep(max(0.0, moment_s - time.time()))


@contextmanager
def timed() -> Iterator[Callable[[], float]]:
    """Return how long the block took, once it is over."""
    began = time.monotonic()
    ended = began
    yield lambda: ended - began
    ended = time.monotonic()


@long_form
def test_undisturbed(survives: Survives) -> None:
    found = survives("undisturbed", lambda _: time.sleep(60))
    assert "MISSED" not in found["final"]


def test_the_leader_is_killed(survives: Survives) -> None:
    def fault(pipeline: Pipeline) -> None:
        pipeline.kill(pipeline.leader())
        pipeline.add_worker("polling")

    survives("kill -9 the leader", fault)


@long_form
def test_a_polling_worker_is_killed_in_the_middle_of_a_poll(pipeline: Pipeline, survives: Survives) -> None:
    cut: list[Status] = []

    def fault(pipeline: Pipeline) -> None:
        poll = next_poll(pipeline)
        victim = next(worker for worker in pipeline.workers["polling"] if worker.born.pid == poll.pid)
        cut.append(poll)
        sleep_until(poll.slot - 0.3)
        with pipeline.devices_hang():
            time.sleep(1.0)  # a request waits for a second and is then sent again: half of that is over
            pipeline.kill(victim)
        pipeline.add_worker("polling")

    survives("kill -9 a polling worker", fault)
    of_it = [s for s in pipeline.follower.statuses if s.resource == cut[0].resource]
    ends = [s.pid for s in of_it if s.slot <= cut[0].slot < s.slot + s.slots * INTERVAL_S]
    assert ends, "the slot of the poll that was cut off has a status"
    assert cut[0].pid not in ends, "by another worker: it was in the middle of it"


@long_form
def test_all_polling_workers_are_killed_at_once(survives: Survives) -> None:
    def fault(pipeline: Pipeline) -> float:
        with timed() as outage_s:
            for worker in list(pipeline.workers["polling"]):
                pipeline.kill(worker)
            fresh = [pipeline.add_worker("polling") for _ in range(2)]
            pipeline.ready(fresh[0])
        return outage_s()

    survives("kill -9 leader and worker", fault)


def test_a_leader_that_was_frozen_past_its_session_is_fenced_off(pipeline: Pipeline, survives: Survives) -> None:
    epoch = max(pipeline.follower.epochs())

    def fault(_: Pipeline) -> None:
        zombie = pipeline.leader()
        sleep_until(next_poll(pipeline, zombie.born.pid).slot + MIDDLE_OF_SENDING_S)
        pipeline.freeze(zombie)
        pipeline.follower.until("another leads", lambda: max(pipeline.follower.epochs()) > epoch, 60)
        time.sleep(SESSION_TIMEOUT_S)
        pipeline.thaw(zombie)
        before = pipeline.fenced_off()
        pipeline.publish_again(next(tick for tick in reversed(pipeline.follower.ticks) if tick.epoch == epoch))
        pipeline.follower.until("a tick of the old epoch is refused", lambda: pipeline.fenced_off() > before, 60)

    survives("freeze the leader past its session", fault)


@long_form
def test_zookeeper_is_away_for_longer_than_a_session(survives: Survives) -> None:
    def fault(pipeline: Pipeline) -> float:
        with timed() as outage_s:
            pipeline.stack.service("zookeeper").kill()
            killed_s = time.time()
            time.sleep(30 if LONG else SESSION_TIMEOUT_S + PUBLISH_AHEAD_S)
            polled = pipeline.follower.polled_since(killed_s)
            assert len(polled) > DEVICES / 2, "polling goes on with the ticks that were published ahead"
            pipeline.stack.service("zookeeper").start()
        return outage_s()

    survives("zookeeper away for longer than a session", fault)


@long_form
def test_zookeeper_is_away_for_less_than_what_was_published_ahead(survives: Survives) -> None:
    def fault(pipeline: Pipeline) -> float:
        with timed() as outage_s:
            pipeline.stack.service("zookeeper").restart()
        return outage_s()

    survives("restart zookeeper", fault)


@long_form
def test_zookeeper_loses_everything(pipeline: Pipeline, survives: Survives) -> None:
    epoch = max(pipeline.follower.epochs())

    def fault(_: Pipeline) -> float:
        zookeeper = pipeline.stack.service("zookeeper")
        with timed() as outage_s:
            zookeeper.kill()
            shutil.rmtree(zookeeper.place.data)
            zookeeper.start()
        return outage_s()

    survives("wipe zookeeper", fault)
    assert max(pipeline.follower.epochs()) > epoch


def test_the_broker_is_away_for_longer_than_the_producers_wait(survives: Survives) -> None:
    def fault(pipeline: Pipeline) -> float:
        with timed() as outage_s:
            pipeline.stack.service("kafka").kill()
            time.sleep(40 if LONG else 2 * REQUEST_TIMEOUT_S)
            pipeline.stack.service("kafka").start()
        return outage_s()

    survives("broker away", fault)


@long_form
def test_the_broker_is_restarted(survives: Survives) -> None:
    def fault(pipeline: Pipeline) -> float:
        with timed() as outage_s:
            pipeline.stack.service("kafka").restart()
        return outage_s()

    survives("restart the broker", fault)


@long_form
def test_redis_is_away(survives: Survives) -> None:
    def fault(pipeline: Pipeline) -> None:
        pipeline.stack.service("redis").kill()
        time.sleep(60)
        pipeline.stack.service("redis").start()

    found = survives("redis away", fault)
    assert "MISSED" not in found["final"]
    assert found["final"]["SUCCESS"] > 0.6 * found["expected"], "cached secrets keep working"


@long_form
def test_every_stage_is_restarted_one_after_the_other(survives: Survives) -> None:
    def fault(pipeline: Pipeline) -> None:
        for stage, workers in pipeline.workers.items():
            for worker in list(workers):
                pipeline.end(worker)
                pipeline.add_worker(stage)
                time.sleep(5)

    survives("rolling restart", fault)


@long_form
def test_workers_join_and_leave_every_five_seconds(survives: Survives) -> None:
    def fault(pipeline: Pipeline) -> None:
        for _ in range(12):
            pipeline.add_worker("polling")
            time.sleep(5)
            pipeline.end(pipeline.workers["polling"][0])
            time.sleep(5)

    survives("rebalance storm", fault)
