"""Any stage scales out and in while data flow: every partition flows again, and nothing is lost or made otherwise."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from streams.playground.demo.children import Child
from streams.playground.services import Stack
from tests.chaos.conftest import LONG
from tests.chaos.follower import contradictions
from tests.chaos.pipeline import DEVICES, INTERVAL_S, SETTINGS, STAGES, Pipeline, stopped_at_the_end

pytestmark = pytest.mark.timeout(900)

PARTITIONS: Final = 6
#: after a change of workers: a dead one's session, a rebalance, the recovery of tables, a discovery's interval
FLOWS_WITHIN_S: Final = 90 if LONG else 120
ROUNDS: Final = 3 if LONG else 1


class Flow:
    """Whether records get through every partition of every stage."""

    def __init__(self, pipeline: Pipeline, tell: Callable[[str], None]) -> None:
        self._pipeline = pipeline
        self._tell = tell
        self._revision = 0
        self._seen: dict[str, int] = {}
        self._enriched = pipeline.reader("enriched-resources")
        assert self._enriched.open(time.monotonic() + 60)

    def again(self, what: str) -> float:
        """Wait until a new label of each device has come through and each is polled; return how long that took.

        What is told besides is how much of it new processes took to start: ten at once on the cores that all share.
        """
        began = time.monotonic()
        self._revision += 1
        self._pipeline.relabel(self._revision)
        since_s = time.time()
        self._until(f"{what}: every worker is ready", self._all_ready)
        ready_s = time.monotonic() - began
        self._until(f"{what}: every partition has an owner", self._all_owned)
        self._until(f"{what}: discovery, resources and enrichment flow", self._labelled)
        self._until(
            f"{what}: every device is polled", lambda: len(self._pipeline.follower.polled_since(since_s)) == DEVICES
        )
        took_s = time.monotonic() - began
        self._tell(f"{what}: everything flows after {took_s:.1f} s, ready after {ready_s:.1f} s")
        return took_s

    def _labelled(self) -> bool:
        for record in self._enriched.read(0.2):
            revision = record.value["resource"]["labels"].get("revision", "0") if record.value else "0"
            self._seen[record.key] = int(revision)
        return sum(revision == self._revision for revision in self._seen.values()) == DEVICES

    def _all_ready(self) -> bool:
        return all(self._pipeline.is_ready(worker) for workers in self._pipeline.workers.values() for worker in workers)

    def _all_owned(self) -> bool:
        return all(self._pipeline.owned(stage.name) == PARTITIONS for stage in STAGES if stage.reads or stage.ticks)

    def _until(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + FLOWS_WITHIN_S
        while not holds():
            assert time.monotonic() < deadline, f"not within {FLOWS_WITHIN_S} s: {what}"
            time.sleep(0.2)

    def close(self) -> None:
        self._enriched.close()


@pytest.fixture(scope="module")
def pipeline(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    running = Pipeline(stack, tmp_path_factory.mktemp("scale-out"), settings=SETTINGS)
    with stopped_at_the_end(running):
        running.start(polling_workers=1)
        yield running


def more_of_each(pipeline: Pipeline) -> None:
    for stage in STAGES:
        for _ in range(2):
            pipeline.add_worker(stage.name)


def oldest_of_each(pipeline: Pipeline) -> list[Child]:
    return [worker for workers in pipeline.workers.values() for worker in workers[:2]]


def test_every_stage_goes_from_one_worker_to_three_and_back(pipeline: Pipeline, tell: Callable[[str], None]) -> None:
    """Two are asked to end, then two are killed, the older ones each time, so that all partitions move."""
    with contextlib.closing(Flow(pipeline, tell)) as flow:
        since_s = time.time()
        flow.again("one worker of each stage")
        for _ in range(ROUNDS):
            more_of_each(pipeline)
            flow.again("three workers of each stage")
            pipeline.end(*oldest_of_each(pipeline))
            flow.again("one again, two have ended")
            more_of_each(pipeline)
            flow.again("three again")
            for worker in oldest_of_each(pipeline):
                pipeline.kill(worker)
            flow.again("one again, two were killed")
        until_s = pipeline.recovered()
    found = pipeline.audit(since_s, until_s)
    right, wrong = pipeline.judge_gauges(until_s)
    slots, missed = found["expected"], found["final"].get("MISSED", 0)
    tell(f"slots {slots}, missed {missed}, missing {found['missing_slots']}, rates right {right}, wrong {len(wrong)}")
    assert found["missing"] == [], json.dumps(found, indent=1)
    assert contradictions(pipeline.follower.statuses, INTERVAL_S, pipeline.died_s) == []
    assert wrong == []
    assert right > 0
