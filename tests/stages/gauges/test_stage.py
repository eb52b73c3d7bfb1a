"""The gauges stage as processes on the real stack: whatever is killed, no gauge is missing and none is different."""

import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from streams.playground.services import Stack
from tests.bench.gauges.polls import Load, messages
from tests.stages.gauges.pipe import Pipe
from tests.stages.gauges.scenarios import (
    QUICK,
    WITHOUT,
    Feeder,
    expect_undisturbed,
    kill_again_and_again,
    load_of,
)

SMALL: Final = Load(resources=12, slots=60, rows=6, counters=4)

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def pipe(stack: Stack, tmp_path: Path) -> Iterator[Pipe]:
    bootstrap = stack.environment()["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"]
    prefix = f"gauges{time.time_ns()}"
    with Pipe(bootstrap, prefix, tmp_path, settings={**QUICK, **WITHOUT}) as fresh:
        yield fresh


def test_a_worker_makes_every_gauge_and_stops_with_offsets_committed(pipe: Pipe):
    records = load_of(pipe, SMALL)
    pipe.put(records)
    worker = pipe.start()
    repeats = expect_undisturbed(pipe, records)
    assert repeats < len(records) * SMALL.rows
    worker.terminate()
    began = time.monotonic()
    assert worker.wait(15) == 0
    assert time.monotonic() - began < 10
    assert pipe.lag() == 0


def test_workers_that_are_killed_under_load_lose_and_change_nothing(pipe: Pipe):
    kill_again_and_again(pipe, SMALL, kills=2)


def test_partitions_that_move_between_workers_lose_and_change_nothing(pipe: Pipe):
    records = load_of(pipe, SMALL)
    feeder = Feeder(pipe, records, seconds=20)
    feeder.start()
    first = pipe.start()
    pipe.wait(lambda: pipe.count(pipe.gauge_topic) > 0, "gauges from the first worker", 60)
    pipe.start()
    time.sleep(8)
    first.terminate()
    assert first.wait(15) == 0
    feeder.join()
    expect_undisturbed(pipe, records)


def test_a_broker_that_restarts_loses_and_changes_nothing(pipe: Pipe, stack: Stack):
    records = load_of(pipe, SMALL)
    half = len(records) // 2
    pipe.put(records[:half])
    worker = pipe.start()
    pipe.wait(lambda: pipe.count(pipe.gauge_topic) > 0, "gauges", 60)
    stack.down(["kafka"])
    try:
        time.sleep(3)
    finally:
        stack.up(["kafka"])
    pipe.put(records[half:])
    expect_undisturbed(pipe, records)
    assert worker.poll() is None, f"the worker ended\n{pipe.log()}"


def test_bad_records_and_bad_state_go_to_dead_letters_and_the_stream_goes_on(pipe: Pipe):
    records = list(
        messages(Load(resources=4, slots=2, rows=2, counters=2), struct.unpack(">I", pipe.raw_header[1:])[0])
    )
    first, second = records[:4], records[4:]
    key = first[0][0]
    pipe.put([*first, (key, b"rubbish"), (key, pipe.raw_header + b"\xff" * 20), (b"other", first[0][1])])
    worker = pipe.start()
    pipe.wait(lambda: pipe.lag() == 0 and pipe.count(pipe.gauge_topic) == 8, "the first slot", 60)
    assert pipe.count(pipe.dead_topic) == 3
    worker.terminate()
    worker.wait(15)
    changelog = f"{pipe.env['PANOPTES_PANOPTES_TOPIC_PREFIX']}-gauges-series-changelog"
    entries = pipe.all_of(changelog)
    assert len(entries) == 4
    spoilt = next(entry for entry in entries if entry.key.startswith(key))
    pipe.put_into(changelog, spoilt.partition, spoilt.key, b"\x63 of a version to come")
    pipe.put(second)
    pipe.start()
    pipe.wait(lambda: pipe.lag() == 0 and pipe.count(pipe.gauge_topic) == 16, "the second slot", 60)
    assert pipe.count(pipe.dead_topic) == 4
    values = [out.value for out in pipe.all_of(pipe.gauge_topic)]
    assert sum(b"first-sample" in value for value in values) == 8 + 2
