"""Processes outlive their starter, are known again, and are never mistaken for another."""

import signal
import sys
from pathlib import Path

from streams.playground.services import process
from streams.playground.services.process import Born

SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_a_process_is_known_until_it_is_gone(tmp_path: Path) -> None:
    born = process.start(SLEEPS, log=tmp_path / "log", cwd=tmp_path, environment={})
    assert process.alive(born)
    process.send(born, signal.SIGKILL)
    assert process.gone_within(born, 10)
    assert not process.alive(born)


def test_another_process_with_the_same_pid_is_neither_alive_nor_killed(tmp_path: Path) -> None:
    born = process.start(SLEEPS, log=tmp_path / "log", cwd=tmp_path, environment={})
    stranger = Born(born.pid, "1")
    assert not process.alive(stranger)
    process.send(stranger, signal.SIGKILL)
    assert process.alive(born)
    process.send(born, signal.SIGKILL)
    assert process.gone_within(born, 10)


def test_what_a_process_says_goes_to_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    says = [sys.executable, "-c", "import os, sys; print(os.environ['WORD']); print('oops', file=sys.stderr)"]
    born = process.start(says, log=log, cwd=tmp_path, environment={"WORD": "hello"})
    assert process.gone_within(born, 10)
    assert sorted(log.read_text().split()) == ["hello", "oops"]
