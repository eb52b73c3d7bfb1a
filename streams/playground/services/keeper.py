"""Ends a stack or recorded processes when the process that started them ends, even by SIGKILL.

A test run or a demo that is killed cannot clean up after itself. So a small process waits beside it, at the end of a
pipe that only the starter holds: the end of the pipe is the end of the starter.
"""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from streams.playground.services.local import Stack
from streams.playground.services.problems import StackProblem

REMOVE: Final = "--remove"
END_TIMEOUT_S: Final = 90.0


@contextmanager
def beside(module: str, *arguments: str, log: Path) -> Iterator[None]:
    """Run a keeper beside the block; it acts when the block, or this process, has ended.

    Raises StackProblem when it cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("ab") as output,
        subprocess.Popen(  # noqa: S603 (a fixed command, no shell)
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
        ) as keeper,
    ):
        if keeper.stdin is None or keeper.stdout is None or not keeper.stdout.readline():
            raise StackProblem(f"the keeper of {log.parent} did not start; see {log}")
        try:
            yield
        finally:
            keeper.stdin.close()
            keeper.wait(END_TIMEOUT_S)


def wait_for_the_end() -> None:
    """Return when the process that started this keeper has ended; signals are ignored until then."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    print("waiting", flush=True)
    sys.stdin.buffer.read()


@contextmanager
def kept(stack: Stack, *, remove: bool = False) -> Iterator[Stack]:
    """Take the stack down at the end of the block, or of this process; with `remove` its folder goes as well.

    Raises StackProblem when the keeper cannot be started, and what `Stack.down` raises.
    """
    options = [REMOVE] if remove else []
    with beside("streams.playground.services.keeper", str(stack.state), *options, log=stack.state / "keeper.log"):
        try:
            yield stack
        finally:
            stack.down()


def main(state: Path, *, remove: bool) -> None:
    """Wait for the end of standard input, then take the stack down."""
    wait_for_the_end()
    Stack(state).down()
    if remove:
        shutil.rmtree(state, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), remove=REMOVE in sys.argv[2:])
