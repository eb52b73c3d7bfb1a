"""Ends the demo's processes and services when the demo is gone, however it went: also by SIGKILL.

It waits at the end of a pipe that only the demo holds: the end of the pipe is the end of the demo.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from streams.playground.demo.children import Children
from streams.playground.services.local import Stack

END_TIMEOUT_S: Final = 60.0


@contextmanager
def kept(logs: Path, stack: Path) -> Iterator[None]:
    """End what is recorded in `logs`, and the stack of that folder, at the end of the block or of this process."""
    command = [sys.executable, "-m", "streams.playground.demo.keeper", str(logs), str(stack)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as keeper:  # noqa: S603
        try:
            yield
        finally:
            if keeper.stdin is not None:
                keeper.stdin.close()
            keeper.wait(END_TIMEOUT_S)


def main(logs: Path, stack: Path) -> None:
    """Wait for the end of standard input, then end what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    Children(logs, {}, logs).end_leftovers()
    Stack(stack).down()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
