"""Takes a lab down when whoever brought it up is gone, however it went: also by SIGKILL.

It waits at the end of a pipe that only they hold: the end of the pipe is their end.
"""

import signal
import sys

from tests.lab.lab import down
from tests.lab.testbed.place import Place


def main(name: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    down(Place.named(name))


if __name__ == "__main__":
    main(sys.argv[1])
