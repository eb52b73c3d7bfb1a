"""After anything dies: no slot unaccounted for, a short gap, and nothing polled twice that was not killed."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.chaos.conftest import LONG
from tests.chaos.pipeline import PUBLISH_AHEAD_S, REQUEST_TIMEOUT_S, SESSION_TIMEOUT_S, Pipeline

Survives = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.timeout(400)
long_form = pytest.mark.skipif(not LONG, reason="make chaos runs it")


def follower_of(pipeline: Pipeline) -> Any:
    """Return a polling worker that does not lead."""
    leader = pipeline.leader()
    return next(worker for worker in pipeline.workers["polling"] if worker is not leader)


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

    survives("kill -9 the leader", fault, polled_twice=True)


@long_form
def test_a_polling_worker_is_killed_in_the_middle_of_a_poll(survives: Survives) -> None:
    def fault(pipeline: Pipeline) -> None:
        pipeline.kill(follower_of(pipeline))
        pipeline.add_worker("polling")

    survives("kill -9 a polling worker", fault, polled_twice=True)


@long_form
def test_all_polling_workers_are_killed_at_once(survives: Survives) -> None:
    def fault(pipeline: Pipeline) -> float:
        with timed() as outage_s:
            for worker in list(pipeline.workers["polling"]):
                pipeline.kill(worker)
            fresh = [pipeline.add_worker("polling") for _ in range(2)]
            pipeline.ready(fresh[0])
        return outage_s()

    survives("kill -9 leader and worker", fault, polled_twice=True)


def test_a_leader_that_was_frozen_past_its_session_is_fenced_off(pipeline: Pipeline, survives: Survives) -> None:
    epoch = max(pipeline.follower.epochs())
    frozen_s = 0.0

    def fault(_: Pipeline) -> None:
        nonlocal frozen_s
        zombie = pipeline.leader()
        pipeline.freeze(zombie)
        frozen_s = time.time()
        pipeline.follower.until("another leads", lambda: max(pipeline.follower.epochs()) > epoch, 60)
        time.sleep(SESSION_TIMEOUT_S)
        pipeline.thaw(zombie)

    # for the others it died: what it had polled and not committed yet is polled again, but nothing later is
    found = survives("freeze the leader past its session", fault, polled_twice=True)
    assert all(twice["slot"] <= frozen_s for twice in found["polled_twice"])


@long_form
def test_zookeeper_is_away_for_longer_than_a_session(survives: Survives) -> None:
    def fault(pipeline: Pipeline) -> float:
        with timed() as outage_s:
            pipeline.stack.service("zookeeper").kill()
            time.sleep(30 if LONG else SESSION_TIMEOUT_S + PUBLISH_AHEAD_S)
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
