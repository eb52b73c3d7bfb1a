"""However a lab ends, nothing of it is left: no namespace, no process, no file."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Final

import pytest

from tests.lab import lab
from tests.lab.conftest import left
from tests.lab.session import ROOT
from tests.lab.testbed import system
from tests.lab.testbed.place import Place

END_S: Final = 30

pytestmark = pytest.mark.timeout(120)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "tests.lab", *words]


def begun(place: Place) -> bool:
    return len(system.namespaces(place.prefix)) > 2


def running(place: Place) -> bool:
    return len(list(place.folder.glob("*/lldpd.pid"))) == 4


def _wait(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + END_S
    while not done():
        assert time.monotonic() < deadline, f"not within {END_S} s: {what}"
        time.sleep(0.02)


@pytest.mark.parametrize("reached", [begun, running], ids=["while-it-is-wired", "while-daemons-run"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_an_interrupted_up_takes_itself_down(
    free_place: Place, number: signal.Signals, reached: Callable[[Place], bool]
) -> None:
    up = command("up", "--spec", "odd", "--name", free_place.name)
    with subprocess.Popen(up, cwd=ROOT, stderr=subprocess.PIPE, start_new_session=True, text=True) as process:
        _wait(lambda: reached(free_place) or process.poll() is not None, "the start")
        os.killpg(process.pid, number)
        said = process.communicate(timeout=END_S)[1]
    assert (process.returncode, said.splitlines()[-1:]) == (130, ["lab: interrupted; it is down"]), said
    assert left(free_place) == []


def test_down_clears_what_a_killed_up_has_left(free_place: Place) -> None:
    up = command("up", "--spec", "odd", "--name", free_place.name)
    with subprocess.Popen(up, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        _wait(lambda: running(free_place), "daemons run")
        process.kill()
    assert left(free_place) != []
    subprocess.run(command("down", "--name", free_place.name), cwd=ROOT, check=True)
    assert left(free_place) == []


def test_a_lab_that_does_not_converge_takes_itself_down_and_keeps_its_logs(
    free_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab, "CONVERGE_S", 0.0)
    said: list[str] = []
    try:
        with pytest.raises(system.LabProblem, match="not converged within 0 s: LLDP on "):
            lab.up(free_place, lab.read_spec("odd"), stop=Event(), say=said.append)
        assert said[-1] == f"lab: failed; its folder is kept as {free_place.kept}"
        assert (free_place.kept / "router" / "log" / "snmpd.log").exists()
    finally:
        shutil.rmtree(free_place.kept, ignore_errors=True)
    assert left(free_place) == []


@pytest.mark.parametrize(
    ("number", "status"), [(None, 7), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)], ids=str
)
def test_run_takes_the_lab_down_however_it_ends(
    free_place: Place, tmp_path: Path, number: signal.Signals | None, status: int
) -> None:
    inside = tmp_path / "inside"
    script = f"cat /proc/net/dev >{inside}; " + ("exit 7" if number is None else "exec sleep 1000")
    spec = tmp_path / "spec.yaml"
    spec.write_text("nodes: {alone: {}}\nlinks: []\n")
    run = command("run", "--spec", str(spec), "--name", free_place.name, "--", "sh", "-c", script)
    with subprocess.Popen(run, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        _wait(lambda: (inside.exists() and inside.read_text() != "") or process.poll() is not None, "the command runs")
        if number is not None:
            process.send_signal(number)
        assert process.wait(END_S) == status
    assert "m-alone:" in inside.read_text()
    _wait(lambda: left(free_place) == [], "the keeper has cleared all")


def test_a_lab_is_not_brought_up_twice_and_the_second_try_leaves_it_alone(free_place: Place) -> None:
    free_place.folder.mkdir()
    run = command("run", "--spec", "odd", "--name", free_place.name, "--", "true")
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is up, or was left so" in done.stderr
    assert free_place.folder.exists()
    lab.down(free_place)
