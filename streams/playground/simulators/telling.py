"""Serves the truth from a process of its own, so that requests for it delay no device's answer."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from streams.playground.simulators import devices, server


@contextmanager
def telling(
    count: int, interfaces: int, events_every_s: float, *, ports: tuple[int, int], epoch_s: float
) -> Iterator[int]:
    """Serve the truth about this fleet until the end of the block or of this process; gives its HTTP port.

    `ports`: of the devices, and of the truth (0 picks a free one).
    """
    arguments = (count, interfaces, events_every_s, *ports, epoch_s)
    command = [
        sys.executable,
        "-m",
        "streams.playground.simulators.telling",
        *(repr(argument) for argument in arguments),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as teller:  # noqa: S603
        if teller.stdin is None or teller.stdout is None:
            raise ValueError("a pipe was asked for")
        try:
            yield int(teller.stdout.readline())
        finally:
            teller.stdin.close()


def main(count: str, interfaces: str, events_every_s: str, *numbers: str) -> None:
    """Serve until standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    fleet = devices.fleet(int(count), int(interfaces), events_every_s=float(events_every_s))
    with server.truth_server(fleet, int(numbers[0]), int(numbers[1]), float(numbers[2])) as port:
        print(port, flush=True)
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
