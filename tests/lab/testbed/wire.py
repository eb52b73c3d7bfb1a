"""A wire that is late or lossy, for kernels without netem: carries frames between two interfaces of one namespace.

    python -m tests.lab.testbed.wire A B [loss=PERCENT] [delay=MS] [jitter=MS] [dup=PERCENT] [seed=NUMBER]

Each value holds for each direction; frames may overtake one another when there is jitter, as they do in netem. Needs
CAP_NET_RAW; the interfaces should have segmentation and checksum offloads off, or frames arrive here that no wire would
carry. Ends on SIGTERM, and says how many frames it has carried, lost and repeated.
"""

import heapq
import itertools
import random
import select
import signal
import socket
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final

ETH_P_ALL: Final = 3
PACKET_OUTGOING: Final = 4
FRAME_BYTES: Final = 65_536
BUFFER_BYTES: Final = 4 << 20
WAIT_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Quality:
    """How bad the wire is, in each direction."""

    loss: float = 0.0  #: percent
    delay: float = 0.0  #: milliseconds
    jitter: float = 0.0  #: milliseconds, either way
    dup: float = 0.0  #: percent
    seed: float = 1.0


def parse(arguments: Iterable[str]) -> Quality:
    """Return what NAME=NUMBER arguments say. Raises ValueError with a line for people."""
    values: dict[str, float] = {}
    for argument in arguments:
        name, _, number = argument.partition("=")
        if name not in {field.name for field in fields(Quality)}:
            raise ValueError(f"no such setting of a wire: {argument!r}")
        try:
            values[name] = float(number)
        except ValueError as problem:
            raise ValueError(f"{argument!r}: {number!r} is no number") from problem
        if not 0 <= values[name] <= (100 if name in {"loss", "dup"} else 60_000):
            raise ValueError(f"{argument!r} is out of range")
    return Quality(**values)


class Wire:
    """Two interfaces, and the frames that are on their way."""

    def __init__(self, names: tuple[str, str], quality: Quality) -> None:
        self._quality = quality
        self._chance = random.Random(int(quality.seed))
        a, b = (_open(name) for name in names)
        self._other = {a: b, b: a}
        self._order = itertools.count()
        self._late: list[tuple[float, int, socket.socket, bytes]] = []
        self.carried = self.lost = self.repeated = 0

    def carry(self) -> None:
        """Take what has come, wait a moment at most, and send what is due."""
        wait_s = min(WAIT_S, max(0.0, self._late[0][0] - time.monotonic())) if self._late else WAIT_S
        for source in select.select(list(self._other), [], [], wait_s)[0]:
            self._take(source)
        while self._late and self._late[0][0] <= time.monotonic():
            _, _, out, frame = heapq.heappop(self._late)
            try:
                out.send(frame)
                self.carried += 1
            except OSError:  # longer than the interface takes, or the interface is down: a wire would lose it too
                self.lost += 1

    def _take(self, source: socket.socket) -> None:
        while True:
            try:
                frame, about = source.recvfrom(FRAME_BYTES)
            except OSError:  # no more, or the interface is down for the moment
                return
            if about[2] == PACKET_OUTGOING:  # what we sent ourselves
                continue
            if self._happens(self._quality.loss):
                self.lost += 1
                continue
            self._send_later(self._other[source], frame)
            if self._happens(self._quality.dup):
                self.repeated += 1
                self._send_later(self._other[source], frame)

    def _send_later(self, out: socket.socket, frame: bytes) -> None:
        delay_ms = self._quality.delay + self._quality.jitter * (2 * self._chance.random() - 1)
        heapq.heappush(self._late, (time.monotonic() + max(0.0, delay_ms) / 1000, next(self._order), out, frame))

    def _happens(self, percent: float) -> bool:
        return self._chance.random() * 100 < percent


def _open(name: str) -> socket.socket:
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    end.bind((name, ETH_P_ALL))
    end.setblocking(False)
    return end


def main() -> None:
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopping.append(number))
    wire = Wire((sys.argv[1], sys.argv[2]), parse(sys.argv[3:]))
    while not stopping:
        wire.carry()
    sys.stdout.write(f"carried={wire.carried} lost={wire.lost} repeated={wire.repeated}\n")


if __name__ == "__main__":
    main()
