"""A lab for as long as a block or a command lasts: gone afterwards, also when this process is killed."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Final

from tests.lab.lab import CACHE_S, AlreadyUp, Lab, down, up
from tests.lab.testbed import system
from tests.lab.testbed.place import Place
from tests.lab.testbed.system import Interrupted

ROOT: Final = Path(__file__).parents[2]
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED: Final = 130
#: what a command may take to end when it is told to
GRACE_S: Final = 20.0


@contextmanager
def interruptible() -> Iterator[Event]:
    """Raise Interrupted in the block at the first signal that asks for an end, and set the event; ignore later ones."""
    stop = Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if not stop.is_set():
            stop.set()
            raise Interrupted

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def lab_up(
    place: Place, text: str, *, cache_s: int = CACHE_S, stop: Event | None = None, say: Callable[[str], None]
) -> Iterator[Lab]:
    """Give a lab that is up inside the block. Raises what `up` and `down` raise."""
    command = [sys.executable, "-m", "tests.lab.keeper", place.name]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True) as keeper:
        try:
            lab = up(place, text, cache_s=cache_s, stop=stop or Event(), say=say)
        except AlreadyUp:
            keeper.kill()  # that lab is not ours to take down
            raise
        try:
            yield lab
        finally:
            down(place)
            if stop is not None:
                stop.set()


def run_inside(lab: Lab, command: Sequence[str], environment: Mapping[str, str], *, terminal: bool = False) -> int:
    """Return the exit status of a command in the collector's namespace; signals for us are handed on to it.

    `terminal`: it reads from ours, so that Ctrl-C is its own business.
    """
    full = system.within(lab.place.collector, *command)
    received: list[int] = []
    with subprocess.Popen(full, env=dict(environment), start_new_session=not terminal) as process:

        def hand_on(number: int, frame: FrameType | None) -> None:
            if terminal and number == signal.SIGINT:
                return
            if not received:
                process.send_signal(signal.SIGHUP if terminal else number)
            received.append(number)

        before = {number: signal.signal(number, hand_on) for number in SIGNALS}
        try:
            while not received:
                with suppress(subprocess.TimeoutExpired):
                    status = process.wait(0.5)
                    return INTERRUPTED if received else status
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
            return INTERRUPTED
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
