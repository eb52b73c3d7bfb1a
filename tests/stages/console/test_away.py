"""Kafka, store and registry go and come back, the console is killed: it says what is stale since when, and recovers."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple
from urllib.parse import urlencode

import httpx
import pytest

from schemas.records import EnrichedResource, Link, PollStatus
from streams.pipeline import Topic
from streams.playground.services import Stack
from streams.playground.services.keeper import kept
from tests.bench.console.load import links, resources, statuses
from tests.bench.console.served import Topics, start, status
from tests.bench.sinks.load import key_of
from tests.conftest import JARS
from tests.contract.sinks.stores import free_port

STORE: Final = "victoria-metrics"
DEVICES, ROWS = 4, 3
WITHIN_S: Final = 120.0
POLL_S: Final = 0.2
ROW: Final = {"id": key_of(1), "group": "interface", "row": "GigabitEthernet1/0/1"}
PLOT: Final = f"/plot?{urlencode({**ROW, 'over': 'octets_in'})}"
#: pages that say the same whenever they are asked for, while no record comes
SAME: Final = (
    "/devices", f"/device?{urlencode({'id': key_of(1)})}", "/slots", "/profiles", "/search?q=desk", "/api/v1/links",
    "/api/v1/problems",
)  # fmt: skip

pytestmark = [pytest.mark.stack, pytest.mark.timeout(8 * WITHIN_S)]


class Running(NamedTuple):
    stack: Stack
    topics: Topics


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Give a stack to itself, with topics that hold a small network."""
    folder = tmp_path_factory.mktemp("away")
    with kept(Stack(folder / "stack", free_ports=True, jars=JARS)) as stack:
        stack.up([name for name in ("kafka", "apicurio", STORE) if name not in stack.absent()])
        where = stack.environment()
        registry = {"PANOPTES_REGISTRY_URL": where["PANOPTES_REGISTRY_URL"]}
        with Topics(where["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"], "away", folder / "state", settings=registry) as topics:
            now_s = int(time.time()) // 60 * 60
            topics.fill(Topic.ENRICHED_RESOURCES, EnrichedResource, resources(DEVICES, ROWS))
            topics.fill(Topic.TOPOLOGY, Link, links(DEVICES))
            topics.fill(Topic.POLL_STATUS, PollStatus, statuses(DEVICES, now_s - 60))
            topics.gauges(DEVICES, ROWS, now_s - 60)
            yield Running(stack, topics)


@contextmanager
def console(running: Running, **settings: str) -> Iterator[int]:
    """Give the port of a console; it is killed at the end."""
    port = free_port()
    process = start(running.topics, port, **settings)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def until(what: str, seen: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while not seen():
        assert time.monotonic() < deadline_s, f"not within {WITHIN_S} s: {what}"
        time.sleep(POLL_S)


def page(port: int, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=30, trust_env=False)


def is_status(port: int, wanted: str) -> Callable[[], bool]:
    return lambda: status(port) == wanted


def test_kafka_goes_and_comes_back(running):
    with console(running) as port:
        until("ready", is_status(port, "ready"))
        assert "cannot be read since" not in page(port, "/devices").text
        running.stack.service("kafka").pause()
        try:
            until("stale", is_status(port, "stale"))
            shown = page(port, "/devices")
            assert (shown.status_code, "cannot be read since" in shown.text) == (200, True)
            assert key_of(1).rpartition("|")[2] in shown.text
        finally:
            running.stack.service("kafka").resume()
        until("ready again", is_status(port, "ready"))
        assert "cannot be read since" not in page(port, "/devices").text


def test_a_registry_that_is_away_when_the_console_starts_is_waited_for(running):
    running.stack.service("apicurio").pause()
    try:
        with console(running) as port:
            until("stale", is_status(port, "stale"))
            assert "cannot be read since" in page(port, "/").text
            running.stack.service("apicurio").resume()
            until("ready", is_status(port, "ready"))
            assert key_of(1).rpartition("|")[2] in page(port, "/devices").text
    finally:
        running.stack.service("apicurio").resume()


def test_a_store_goes_and_comes_back(running):
    if STORE in running.stack.absent():
        pytest.skip(f"needs {STORE}: {running.stack.absent()[STORE]}")
    store = running.stack.service(STORE)
    settings = {"PANOPTES_CONSOLE_STORE_URL": f"{store.address}/api/v1", "PANOPTES_CONSOLE_STORE_TIMEOUT_S": "2"}
    away = "The store cannot be asked since"
    with console(running, **settings) as port:
        until("ready", is_status(port, "ready"))
        until("plotted", lambda: page(port, PLOT).status_code == httpx.codes.OK)
        store.pause()
        try:
            assert page(port, PLOT).status_code == httpx.codes.SERVICE_UNAVAILABLE
            assert away in page(port, f"/row?{urlencode(ROW)}").text
            assert page(port, "/devices").status_code == httpx.codes.OK
        finally:
            store.resume()
        until("plotted again", lambda: page(port, PLOT).status_code == httpx.codes.OK)
        assert away not in page(port, f"/row?{urlencode(ROW)}").text


def test_a_console_that_is_killed_shows_the_same_pages_when_it_is_started_again(running):
    told = []
    for _ in range(2):
        with console(running) as port:
            until("ready", is_status(port, "ready"))
            told.append({path: page(port, path).text for path in SAME})
    assert told[0] == told[1]
    assert key_of(1).rpartition("|")[2] in told[0]["/devices"]
