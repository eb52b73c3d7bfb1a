"""What the chaos of sinks is made of: gauges that keep coming, a store, and what stands between it and the sink."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Final, NamedTuple, Self

import httpx

from schemas.records import Gauge
from tests.http_server import http_server
from tests.stages.sinks.sinkpipe import NUMBER, Points, SinkPipe, StoppableStore, points
from tests.unit.sinks.gauges import gauge

DEVICES: Final = 25
ROWS: Final = 8
SLOT_S: Final = 1.0
#: what a store that is in a bad way does to a request, as often as this says
WAYS: Final = (
    ("ok", 4),
    ("500", 2),
    ("429", 2),
    ("half-request", 1),
    ("half-answer", 2),
    ("late", 1),
    ("taken-500", 2),
)


class Feeder:
    """Stores a gauge of each row each second, a number in each that no other has. A context manager."""

    def __init__(self, pipe: SinkPipe) -> None:
        self._pipe = pipe
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.given: list[Gauge] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(SLOT_S):
            self._put(time.time_ns() // 10**6)

    def _put(self, now_ms: int) -> None:
        made = [
            gauge(
                resource=f"fra1|network|switch|cisco|sw{device}.fra1",
                row=f"Gi0/{row}",
                interval_s=1,
                slot=now_ms // 1000,
                time_ms=now_ms + row,
                gauges={NUMBER: 1e9 / 7 + now_ms % 10**7 * 1000 + device * 10 + row / 3, "errors_in": 0.0},
            )
            for device in range(DEVICES)
            for row in range(ROWS)
        ]
        self._pipe.put_gauges(made)
        self.given += made


class Between:
    """A proxy before a store: it lets through, is cut, or has accidents at random."""

    def __init__(self, store_url: str) -> None:
        self._store_url = store_url
        self._random = random.Random(20)
        self.client = httpx.Client(trust_env=False, timeout=30)
        self.cut = False
        self.accidents = False
        self.answers: dict[str, int] = {}

    def way(self) -> str:
        """Return what becomes of the next request."""
        ways = [way for way, _ in WAYS]
        found = self._random.choices(ways, [often for _, often in WAYS])[0] if self.accidents else "ok"
        found = "cut" if self.cut else found
        self.answers[found] = self.answers.get(found, 0) + 1
        return found

    def ask(self, target: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        """Return what the store says. Raises httpx.HTTPError."""
        kept = {name: value for name, value in headers.items() if name.lower().startswith(("content-", "x-prom"))}
        return self.client.post(f"{self._store_url}{target}", headers=kept, content=body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Between

    def do_POST(self) -> None:
        way = self.proxy.way()
        size = int(self.headers["Content-Length"])
        body = self.rfile.read(size // 2 if way == "half-request" else size)
        if way == "late":
            time.sleep(3)  # longer than the sink waits
        if way in ("500", "429"):
            self._say(int(way), b"an accident")
        elif way in ("cut", "half-request"):
            self._hang_up()
        else:
            self._pass_on(way, body)

    def _pass_on(self, way: str, body: bytes) -> None:
        try:
            answer = self.proxy.ask(self.path, dict(self.headers), body)
        except httpx.HTTPError:
            self._hang_up()
            return
        if way == "half-answer":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 50)
            self._hang_up()
        else:
            self._say(500 if way == "taken-500" else answer.status_code, answer.content)

    def _say(self, status: int, body: bytes) -> None:
        try:
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if status != 204:
                self.wfile.write(body)
        except OSError:  # the sink did not wait for it, or is dead
            self.close_connection = True

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Say nothing."""


@contextmanager
def between(store: StoppableStore) -> Iterator[tuple[Between, str]]:
    """Give the proxy and its URL."""
    proxy = Between(store.url)
    with closing(proxy.client), http_server(type("Handler", (_Handler,), {"proxy": proxy})) as url:
        yield proxy, url


class Account(NamedTuple):
    """What is in the store after a scenario, held against what was given."""

    given: int
    missing: int
    besides: int
    wrong: int


def account(given: list[Gauge], stored: Points) -> Account:
    """Return the difference."""
    wanted = points(given)
    off = sum(abs(stored[place] - value) > 1e-9 * abs(value) for place, value in wanted.items() if place in stored)
    return Account(len(wanted), len(wanted.keys() - stored.keys()), len(stored.keys() - wanted.keys()), off)
