"""What addresses, stores and clients get wrong: a status and a line for whom it is, and others are not slowed."""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.testclient import TestClient

from schemas.errors import BackendError
from schemas.records import DeadLetter
from streams.console.agent_events import MOST
from streams.console.agent_server import application, server_config
from streams.console.api.lookups import Sources
from streams.console.history.agent_store import StoreAddress, StoreHistory
from streams.console.models.facts import RowSeries
from streams.console.pages import routes
from streams.console.pages.completion import completions
from streams.console.pages.reads import BrokerFacts, GroupLag
from streams.pipeline import Topic
from tests.browser.records import sources
from tests.unit.console.test_api import filled

A = "s%7Cnetwork%7Cswitch%7Ct%7Ca"
SERIES = RowSeries("s|network|switch|t|a", "interface", "Gi1", "octets_in", "octets/s")


class FakeBroker:
    """Kafka as the topics page asks it."""

    def __init__(self) -> None:
        self.away = False

    async def facts(self) -> BrokerFacts:
        if self.away:
            raise BackendError("Kafka cannot be asked: no answer in time")
        return BrokerFacts({"gauges": 4711}, [GroupLag("panoptes-gauges", 12)], {"polling": "leader-1"})

    def lately(self) -> BrokerFacts | None:
        return None if self.away else BrokerFacts({}, [], {"polling": "leader-1"})

    async def content(self, letter: DeadLetter) -> str:
        return json.dumps({"held": (letter.value or b"").decode()})


def of(given: Sources, broker: FakeBroker | None = None) -> Any:
    return application(given, list, routes(*given, broker))


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(of(sources(filled()), FakeBroker())) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/nowhere/%00%ff", 404, id="nonsense"),
        pytest.param("/device?id=%ff%fe%00", 404, id="bytes-that-are-no-text"),
        pytest.param(f"/device?id={'x' * 5000}", 400, id="an-identity-without-end"),
        pytest.param("/device?id=gone", 404, id="a-device-that-went-away"),
        pytest.param("/row?id=gone&group=interface&row=Gi1", 404, id="a-row-of-it"),
        pytest.param(f"/row?id={A}&group=interface&row=Gi1&end=99999999999", 400, id="a-page-of-the-future"),
        pytest.param(f"/plot?id={A}&group=interface&row=Gi1&over=x&end=99999999999", 400, id="a-plot-of-the-future"),
        pytest.param("/map?at=99999999999", 400, id="a-map-of-the-future"),
        pytest.param(f"/plot?id={A}&group=interface&row=Gi1&over=nonsense", 200, id="a-number-that-nobody-has"),
        pytest.param(f"/devices?filter={'x' * 50_000}", 400, id="a-filter-of-50-kB"),
        pytest.param(f"/api/v1/devices?filter={'(' * 50_000}", 400, id="the-same-for-the-api"),
        pytest.param(f"/complete?text={'x' * 50_000}", 400, id="the-same-to-be-completed"),
        pytest.param("/devices?filter=resource_id+LIKE+'%25%25%25%25%25%25%25%25x%25y'", 200, id="a-costly-pattern"),
        pytest.param("/slots?page=99999999999", 200, id="a-page-behind-the-last"),
        pytest.param("/dead-letter?topic=x&partition=-1&offset=0", 400, id="no-partition"),
        pytest.param("/dead-letter?topic=x&partition=1&offset=0", 404, id="a-dead-letter-that-is-none"),
        pytest.param(f"/api/v1/history?id={A}&group=g&row=r&name=n&start=9&end=3", 400, id="a-time-that-ends-first"),
        pytest.param(f"/api/v1/history?id={A}&group=g&row=r&name=n&start=0&end=8589934592", 400, id="without-end"),
        pytest.param(f"/api/v1/path?from={A}&to=gone", 404, id="a-way-to-a-device-that-went-away"),
        pytest.param("/api/v1/search", 400, id="a-search-for-nothing"),
        pytest.param("/static/../../../etc/passwd", 404, id="out-of-the-folder"),
    ],
)
def test_a_bad_address_has_its_status_and_a_line(client, path, status):
    began_s = time.monotonic()
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.content
    assert time.monotonic() - began_s < 5


def test_topics_are_told_with_sizes_lag_and_leaders_and_without_kafka_with_what_is_away():
    broker = FakeBroker()
    with TestClient(of(sources(filled()), broker)) as client:
        shown = client.get("/topics").text
        assert all(each in shown for each in ("4711", "panoptes-gauges", "leader-1"))
        broker.away = True
        without = client.get("/topics")
        assert (without.status_code, "Kafka cannot be asked" in without.text) == (200, True)


def test_a_dead_letter_shows_what_it_holds_without_what_could_hide_it():
    given = sources(filled())
    letter = DeadLetter(stage="gauges", reason="bad", error="no\u202e", topic="t", partition=1, offset=2, at_ms=3,
                        key=b"k\x1b", value=b"<script>\x1b[2J")  # fmt: skip
    given.models.take(Topic.DEAD_LETTERS, "", letter)
    with TestClient(of(given, FakeBroker())) as client:
        shown = client.get("/dead-letter?topic=t&partition=1&offset=2").text
    assert "&lt;script&gt;" in shown
    assert not {"\x1b", "\u202e"} & set(shown)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        pytest.param("resource_si", "resource_site = '", id="a-field"),
        pytest.param("resource_site = '", "resource_site = 's'", id="a-value"),
        pytest.param("resource_id = 'B", "resource_id = 'b/c'", id="in-any-case"),
        pytest.param("a OR resource_metadata.role = 'l", "a OR resource_metadata.role = 'leaf'", id="of-a-label"),
    ],
)  # fmt: skip
def test_a_filter_is_completed_with_what_devices_have(typed, first):
    assert completions(filled(), typed)[0] == first


@contextlib.asynccontextmanager
async def store(answer: bytes, *, pause_s: float = 0.0) -> Any:
    """Give the address of a store that answers this to every question."""

    over, asked = asyncio.Event(), set[asyncio.Task[None]]()

    async def told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            asked.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), pause_s)
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(told, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/v1"
        over.set()
        await asyncio.gather(*asked, return_exceptions=True)


HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<html>log in</h"
ERROR = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
HUGE = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b" " * 17 * 2**20
OTHER = b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"status": "success"}'


@pytest.mark.parametrize(
    ("answer", "pause_s", "words"),
    [
        pytest.param(HTML, 0, "cannot be asked", id="html"),
        pytest.param(ERROR, 0, "answered 502", id="an-error"),
        pytest.param(HUGE, 0, "more than", id="too-much"),
        pytest.param(OTHER, 0, "no matrix", id="another-json"),
        pytest.param(HTML, 30, "not answered within 0.3 s", id="after-30-seconds"),
    ],
)
async def test_a_store_that_answers_something_else_is_told_in_time(answer, pause_s, words):
    async with store(answer, pause_s=pause_s) as url:
        history = StoreHistory(StoreAddress(url=url, timeout_s=0.3 if pause_s else 10))
        began_s = time.monotonic()
        with pytest.raises(BackendError, match=words):
            await history.points(SERIES, 0, 600, 60)
        assert time.monotonic() - began_s < 15
        await history.close()


def test_pages_and_api_say_that_the_store_is_away():
    given = sources(filled())._replace(
        history=StoreHistory(StoreAddress(url="http://127.0.0.1:1/api/v1", timeout_s=60))
    )
    with TestClient(of(given)) as client:
        page = client.get(f"/plot?id={A}&group=interface&row=Gi1&over=octets_in")
        api = client.get(f"/api/v1/history?id={A}&group=interface&row=Gi1&name=octets_in&start=0&end=600")
        device = client.get(f"/device?id={A}")
    assert (page.status_code, "the store cannot be asked" in page.text) == (503, True)
    assert (api.status_code, "the store cannot be asked" in api.json()["error"]) == (503, True)
    assert (device.status_code, "Gi1" in device.text) == (200, True)
    assert "The store cannot be asked since" in device.text


@pytest.fixture
def served() -> Iterator[int]:
    """Give the port of a console that is served as `panoptes console` does it."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
        server = uvicorn.Server(server_config(of(sources(filled())), "127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(timeout=20)


def _ask(port: int, text: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    client.sendall(text)
    return client


def test_a_filter_of_100_kilobytes_is_refused_before_anybody_reads_it(served):
    with _ask(served, b"GET /devices?filter=" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") as client:
        assert client.recv(20).startswith(b"HTTP/1.1 400")


@pytest.mark.timeout(120)
def test_a_thousand_listeners_and_clients_that_never_finish_their_request_slow_nobody(served):
    listen = b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with contextlib.ExitStack() as opened:
        for _ in range(MOST):
            client = opened.enter_context(_ask(served, listen))
            assert client.recv(15).startswith(b"HTTP/1.1 200")
        assert opened.enter_context(_ask(served, listen)).recv(15).startswith(b"HTTP/1.1 503")
        for _ in range(100):
            opened.enter_context(_ask(served, b"GET /devices HTTP/1.1\r\nHo"))
        began_s = time.monotonic()
        assert httpx.get(f"http://127.0.0.1:{served}/devices", timeout=20, trust_env=False).status_code == 200
        assert time.monotonic() - began_s < 10
