"""Whatever happens, no process is left."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.playground.demo import children as module
from streams.playground.demo.children import ChildEnded, Children, wait_for_line

SLEEP = (sys.executable, "-c", "print('ready', flush=True); import time; time.sleep(600)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)",
)
FAILS = (sys.executable, "-c", "print('about to fail'); raise SystemExit('the disk is full')")


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    made = Children(tmp_path / "logs", {"HELLO": "there"}, tmp_path)
    yield made
    made.stop()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_was_started_runs_with_its_environment_and_is_gone_after_stop(children: Children) -> None:
    program = "import os; print(os.environ['HELLO'], os.environ['MORE'])"
    child = children.start("a", (sys.executable, "-c", program), {"MORE": "x"})
    assert wait_for_line(child, "there", 20) == "there x"
    sleeper = children.start("b", SLEEP)
    wait_for_line(sleeper, "ready", 20)
    assert children.running()["b"] == sleeper.born.pid
    assert children.stop() == []
    assert not _alive(sleeper.born.pid)


def test_a_process_that_ends_is_named_with_the_end_of_its_log(children: Children) -> None:
    child = children.start("polling", FAILS)
    with pytest.raises(ChildEnded, match=r"(?s)polling has ended.*about to fail.*the disk is full"):
        wait_for_line(child, "never", 20)
    with pytest.raises(ChildEnded, match="the disk is full"):
        children.check()


def test_a_process_that_does_not_stop_is_killed_and_named(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_TIMEOUT_S", 0.2)
    child = children.start("stubborn", STUBBORN)
    wait_for_line(child, "ready", 20)
    assert children.stop() == ["stubborn"]
    assert not _alive(child.born.pid)


def test_what_a_killed_demo_left_is_ended_by_the_next_one(children: Children, tmp_path: Path) -> None:
    child = children.start("orphan", SLEEP)
    wait_for_line(child, "ready", 20)
    another = Children(tmp_path / "logs", {}, tmp_path)
    assert another.end_leftovers() == ["orphan"]
    assert not child.running
    assert another.end_leftovers() == []


def test_a_line_that_does_not_come_is_a_timeout(children: Children) -> None:
    child = children.start("quiet", SLEEP)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="quiet did not say 'never'"):
        wait_for_line(child, "never", 0.2)
    assert time.monotonic() - began < 10
