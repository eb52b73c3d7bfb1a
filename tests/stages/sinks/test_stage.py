"""Sinks as processes on the real stack: each goes at its own pace, and nothing is missing from any store."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from streams.pipeline import Topic
from streams.playground.services import Stack
from streams.runtime.kafka.topic_names import topic_name
from tests.stages.gauges.pipe import kill
from tests.stages.gauges.scenarios import QUICK, WITHOUT
from tests.stages.sinks.sinkpipe import SinkPipe, StoppableStore, expect_all, lines, load, points, points_of_lines
from tests.unit.sinks.gauges import gauge

SECTIONS: Final = """
[sink:store]
plugin = prometheus-remote-write
url = {url}
timeout_s = 2
start = {start}

[sink:lines]
plugin = jsonl
path = {lines}
start = {start}
"""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoppableStore]:
    with StoppableStore(tmp_path / "victoria-metrics") as one:
        yield one


def new_pipe(stack: Stack, folder: Path, ini: str) -> SinkPipe:
    bootstrap = stack.environment()["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"]
    return SinkPipe(bootstrap, f"sinks{time.time_ns()}", folder / "state", settings={**QUICK, **WITHOUT}, ini=ini)


def ini(store: StoppableStore, folder: Path, start: str = "earliest") -> str:
    return SECTIONS.format(url=store.url, lines=folder / "lines.jsonl", start=start)


def test_a_store_that_is_away_holds_up_no_other_and_gets_everything_afterwards(
    stack: Stack, tmp_path: Path, store: StoppableStore
):
    written = tmp_path / "lines.jsonl"
    with new_pipe(stack, tmp_path, ini(store, tmp_path)) as pipe:
        first, second, third = load(0, 20), load(20, 20), load(40, 20)
        pipe.put_gauges(first)
        worker, other = pipe.start("store"), pipe.start("lines")
        pipe.wait(lambda: pipe.lag_of("store") == 0, "the first gauges in the store", 90)
        store.signal(signal.SIGSTOP)
        pipe.put_gauges(second)
        pipe.wait(lambda: points_of_lines(written) == points([*first, *second]), "lines go on, the store stands", 60)
        assert pipe.lag_of("store") > 0
        store.signal(signal.SIGCONT)
        pipe.wait(lambda: pipe.lag_of("store") == 0, "the store has caught up", 60)
        store.stop()
        pipe.put_gauges(third)
        pipe.wait(lambda: points_of_lines(written) == points([*first, *second, *third]), "lines go on again", 60)
        store.start()
        pipe.wait(lambda: pipe.lag_of("store") == 0, "the store has caught up again", 90)
        expect_all(store.points(), points([*first, *second, *third]))
        assert pipe.count(pipe.dead_topic) == 0
        for each in (worker, other):
            each.terminate()
            assert each.wait(15) == 0
    assert len(lines(written)) == len([*first, *second, *third]), "no crash, no repeat"


def test_of_two_workers_one_is_killed_and_nothing_is_missing(stack: Stack, tmp_path: Path, store: StoppableStore):
    with new_pipe(stack, tmp_path, ini(store, tmp_path)) as pipe:
        given = []
        victim, _ = pipe.start("store"), pipe.start("store")
        for part in range(8):
            gauges = load(part * 10, 10)
            pipe.put_gauges(gauges)
            given += gauges
            if part == 3:
                pipe.wait(lambda: len(store.points()) > 0, "something in the store", 90)
                kill(victim)
        pipe.wait(lambda: pipe.lag_of("store") == 0, "everything in the store", 120)
        # the store finds a series that is new some seconds later where it has been asked for its name before
        pipe.wait(lambda: len(store.points()) >= len(given), "everything can be queried", 30)
        expect_all(store.points(), points(given))


def test_a_worker_whose_store_is_away_stops_when_it_is_asked(stack: Stack, tmp_path: Path, store: StoppableStore):
    with new_pipe(stack, tmp_path, ini(store, tmp_path)) as pipe:
        store.stop()
        pipe.put_gauges(load(0, 10))
        worker = pipe.start("store")
        pipe.wait(lambda: "nothing is lost meanwhile" in pipe.log(), "a line that says so", 60)
        worker.terminate()
        assert worker.wait(20) == 0
        assert pipe.lag_of("store") == len(load(0, 10))


def test_a_new_sink_begins_where_its_section_says(stack: Stack, tmp_path: Path, store: StoppableStore):
    with new_pipe(stack, tmp_path, ini(store, tmp_path, start="now")) as pipe:
        before, after = load(0, 5), load(5, 5)
        pipe.put_gauges(before)
        worker = pipe.start("lines")
        pipe.wait(lambda: pipe.has_place("lines"), "a place", 60)
        kill(worker)  # before it has committed anything of its own
        pipe.put_gauges(after)
        pipe.start("lines")
        pipe.wait(lambda: pipe.lag_of("lines") == 0, "everything written", 90)
    assert points_of_lines(tmp_path / "lines.jsonl") == points(after)


def test_a_worker_without_a_sink_says_so_and_rests(stack: Stack, tmp_path: Path):
    with new_pipe(stack, tmp_path, "") as pipe:
        worker = pipe.start()
        pipe.wait(lambda: "no [sink:NAME]" in pipe.log(), "a line", 60)
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(0.5)
        worker.terminate()
        assert worker.wait(10) == 0


def test_a_sink_is_set_back_and_forward_and_dead_letters_are_shown_and_handed_on(stack: Stack, tmp_path: Path):
    written = tmp_path / "lines.jsonl"
    section = f"[sink:lines]\nplugin = jsonl\npath = {written}\nstart = earliest\n"
    with new_pipe(stack, tmp_path, section) as pipe:
        gauges = load(0, 3)
        pipe.put_gauges(gauges)
        pipe.put_into(pipe.gauge_topic, 1, b"k", b"no record")
        worker = pipe.start()
        pipe.wait(lambda: pipe.lag_of("lines") == 0, "everything written", 90)
        assert "has workers" in pipe.panoptes("sinks", "skip", "lines", status=1)
        worker.terminate()
        assert worker.wait(15) == 0
        found = pipe.panoptes("dead-letters", "list", "--stage", "sinks")
        assert f"{pipe.gauge_topic}[1]@" in found
        assert "no magic byte" in found
        name = found.split()[0]
        assert b"no record".hex() in pipe.panoptes("dead-letters", "show", name)
        assert "1 records were handed on" in pipe.panoptes("dead-letters", "replay", name)
        assert f"{len(gauges) + 2} records are to be sent" in pipe.panoptes("sinks", "rewind", "lines", "--to", "2h")
        assert pipe.lag_of("lines") == len(gauges) + 2
        pipe.panoptes("sinks", "skip", "lines")
        assert " 0 " in pipe.panoptes("sinks", "list")
        assert "expected one of lines" in pipe.panoptes("sinks", "skip", "lime", status=2)
    assert points_of_lines(written) == points(gauges)


def test_a_device_that_leaves_or_falls_silent_ends_in_the_store(stack: Stack, tmp_path: Path, store: StoppableStore):
    with new_pipe(stack, tmp_path, ini(store, tmp_path)) as pipe:
        now_ms = time.time_ns() // 10**6
        leaving, silent, staying = (f"fra1|network|switch|cisco|sw{at}" for at in range(3))
        pipe.put_gauges(
            gauge(resource=one, time_ms=now_ms, slot=now_ms // 1000, interval_s=1 if one == silent else 60)
            for one in (leaving, silent, staying)
        )
        pipe.start("store")
        pipe.wait(lambda: store.now() == {"sw0", "sw1", "sw2"}, "all three in the store", 90)
        pipe.put([(leaving.encode(), None)], topic=topic_name(pipe.settings, Topic.INVENTORY))
        pipe.wait(lambda: "sw0" not in store.now(), "the one that left has ended", 20)
        pipe.wait(lambda: store.now() == {"sw2"}, "the silent one has ended", 60)
