"""`panoptes demo` starts everything, and leaves nothing, however it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
START_S: Final = 90
STOP_S: Final = 60
POLL_S: Final = 0.1

pytestmark = [pytest.mark.stack, pytest.mark.timeout(START_S + STOP_S + 60)]


def _processes(state: Path) -> dict[int, str]:
    """Return the processes whose command line or environment names the folder, but for this one."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            said = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if str(state).encode() in said and int(folder.name) != os.getpid():
            found[int(folder.name)] = said.split(b"\0", 1)[0].decode(errors="replace")
    return found


def _wait(condition: str, done: object, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {condition}"
        time.sleep(POLL_S)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """Give a demo that has started everything, and its folder."""
    state, said = tmp_path / "demo", tmp_path / "said"
    command = [sys.executable, "-c", "from streams.cli import main; main()", "demo", "--state", str(state)]
    command += ["--jars", str(ROOT / ".state" / "jars"), "--devices", "12"]
    with (
        said.open("w") as out,
        subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, text=True) as process,  # noqa: S603
    ):
        try:
            _wait("all started", lambda: "all started" in said.read_text() or process.poll() is not None, START_S)
            assert process.poll() is None, said.read_text()
            yield process, state
        finally:
            process.kill()
            process.wait()
            _wait("nothing is left", lambda: not _processes(state), STOP_S)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_stops_everything(demo: tuple["subprocess.Popen[str]", Path], number: signal.Signals) -> None:
    process, state = demo
    assert len(_processes(state)) >= 10  # four services, five stages, the keeper
    process.send_signal(number)
    assert process.wait(STOP_S) == 0
    assert _processes(state) == {}


def test_a_killed_demo_leaves_nothing(demo: tuple["subprocess.Popen[str]", Path]) -> None:
    process, state = demo
    process.kill()
    _wait("nothing is left", lambda: not _processes(state), STOP_S)


def test_a_stage_that_ends_is_named_with_its_last_lines(
    demo: tuple["subprocess.Popen[str]", Path], tmp_path: Path
) -> None:
    process, state = demo
    [pid] = [
        int(line.split("\t")[1])
        for line in (state / "logs" / "processes").read_text().splitlines()
        if line.startswith("gauges\t")
    ]
    os.kill(pid, signal.SIGKILL)
    assert process.wait(STOP_S) == 1
    said = (tmp_path / "said").read_text()
    assert "gauges has ended; the end of" in said
    assert _processes(state) == {}
