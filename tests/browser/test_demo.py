"""What a person sees of the demo: real Kafka, real pipeline, simulated devices, and a link that goes down."""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page

from schemas.records import Gauge
from streams.pipeline import Topic
from streams.playground.services import Stack
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.replay import replay
from streams.runtime.kafka.topic_names import topic_name
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serde, Serdes
from streams.runtime.settings.loading import Settings, load
from tests.browser.sight import NEEDS, chromium, keep, opened

ROOT: Final = Path(__file__).parents[2]
START_S: Final = 180
WITHIN_S: Final = 120
CUT_AFTER_S: Final = 75
POLL_S: Final = 0.5

pytestmark = [pytest.mark.stack, pytest.mark.timeout(START_S + 2 * WITHIN_S), *NEEDS]


class Running(NamedTuple):
    address: str  #: of the console
    state: Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    state = tmp_path_factory.mktemp("demo")
    said = state / "said"
    command = [sys.executable, "-c", "from streams.cli import main; main()", "demo", "--state", str(state)]
    command += ["--jars", str(ROOT / ".state" / "jars"), "--devices", "12", "--events-every", "40"]
    command += ["--cut-after", str(CUT_AFTER_S)]
    with said.open("w") as out, subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out) as process:  # noqa: S603
        try:
            until("all started", lambda: "all started" in said.read_text() or process.poll() is not None, START_S)
            found = re.search(r"console: (http://\S+)/", said.read_text())
            assert found, said.read_text()
            until("the console answers", lambda: _answers(found[1]), START_S)
            yield Running(found[1], state)
        finally:
            process.terminate()
            process.wait(60)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def browser(demo: Running) -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Any, demo: Running) -> Iterator[Page]:
    with opened(browser, demo.address) as page:
        yield page


def until(what: str, seen: Callable[[], object], within_s: float = WITHIN_S) -> None:
    deadline_s = time.monotonic() + within_s
    while not seen():
        assert time.monotonic() < deadline_s, f"not within {within_s} s: {what}"
        time.sleep(POLL_S)


def shows(page: Page, path: str, selector: str) -> Callable[[], int]:
    """Return a look at a page anew: how often it shows that."""

    def seen() -> int:
        page.goto(path)
        return page.locator(selector).count()

    return seen


def test_a_rate_on_the_page_is_the_topics(page: Page, demo: Running) -> None:
    until("a rate", shows(page, "/", "section:has(h2:text('Busiest')) a.why"))
    keep(page, "demo-overview")
    link = page.locator("section:has(h2:text('Busiest')) a.why").first
    asked = {name: values[0] for name, values in parse_qs(urlsplit(link.get_attribute("href") or "").query).items()}
    link.click()
    shown = page.locator(".answer span").inner_text()
    keep(page, "demo-why")
    with ThreadPoolExecutor(1) as beside:  # playwright's own loop runs in this thread
        rate = beside.submit(_rate, demo.state, asked).result()
    assert shown.split() == [f"{rate:.6g}", "octets/s"]


def test_an_absent_rate_says_why(page: Page) -> None:
    page.goto("/devices?filter=resource_id+LIKE+'%2504.%25'")  # the one that reboots
    page.locator("tbody a").first.click()
    device = page.url
    until("a rate that a reboot took", shows(page, device, "td .why em"))
    word = page.locator("td .why em").first.inner_text()
    page.locator("td .why em").first.click()
    assert page.locator(".rule b").first.inner_text() == word
    assert len(page.locator(".rule").first.inner_text()) > len(word) + 10
    keep(page, "demo-absent")


def test_a_fault_of_a_filter_is_shown_at_its_character(page: Page) -> None:
    page.goto("/devices")
    page.get_by_label("Filter").fill("resource_site = 'ams1' AND")
    page.keyboard.press("Enter")
    assert "^" in page.locator("#fault").inner_text()
    assert page.locator("input[aria-invalid]").count() == 1


def test_a_link_that_goes_down_shows_on_the_map_and_among_what_is_wrong(page: Page) -> None:
    until("links that are up", shows(page, "/map", "#links .state.up"))
    until("the link that is cut", shows(page, "/map", "#links .state.down"))
    page.wait_for_selector("#map canvas")
    keep(page, "demo-map")
    until("it is wrong", shows(page, "/", "section:has(h2:text('Wrong now')) .state.down"))


def test_a_broker_that_is_away_is_told_with_since_when_and_comes_back(page: Page, demo: Running) -> None:
    kafka = Stack(demo.state / "stack").service("kafka")
    page.goto("/")
    assert page.locator(".note").count() == 0
    kafka.pause()
    try:
        until("stale", shows(page, "/topics", ".note:has-text('cannot be read since')"))
        assert page.locator(".note time, .note").first.inner_text().split()[0] in {str(topic) for topic in Topic}
        assert page.goto("/devices").status == 200
    finally:
        kafka.resume()
    until("it is read again", lambda: shows(page, "/topics", ".note")() == 0)


def _rate(state: Path, asked: dict[str, str]) -> float:
    """Return the number as it stands in the topic."""
    environment = {**Stack(state / "stack").environment(), "PANOPTES_CONFIG": str(state / "panoptes.ini")}
    settings = load(None, environment)
    return asyncio.run(_read(settings, Serdes(settings, open_registry(settings)).of(Topic.GAUGES, Gauge), asked))


async def _read(settings: Settings, serde: Serde[Gauge], asked: dict[str, str]) -> float:
    found = None
    async for record in replay(client_options(settings.kafka), topic_name(settings, Topic.GAUGES)):
        if record.value is not None and record.key == asked["id"].encode():
            gauge = await serde.read(record.value)
            if (gauge.group, gauge.row, gauge.slot) == (asked["group"], asked["row"], int(asked["slot"])):
                found = gauge.gauges[asked["name"]]  # to the end all the same: only then is the consumer closed
    assert found is not None, f"the topic has no such gauge: {asked}"
    return found
