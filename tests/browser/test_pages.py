"""What a person sees of the pages, in a real browser: Debian's chromium."""

import html
import socket
import sys
import threading
import time
from collections.abc import Iterator
from statistics import median
from typing import Any
from urllib.parse import urlencode

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from starlette.applications import Starlette

from schemas.codec import to_avro
from schemas.records import (
    EnrichedResource,
    Enrichment,
    Job,
    Link,
    LinkEnd,
    LinkState,
    Outcome,
    PollStatus,
    Resource,
)
from streams.console.models import ReadModels
from streams.console.models.facts import Point
from streams.console.pages import routes
from streams.console.pages.drawing import STATIC
from streams.pipeline import Topic
from tests.browser.records import Fold, Remembered
from tests.browser.sight import NEEDS, chromium, keep, opened
from tests.unit.gauges.making import GBIT, T0_S, gauges, record, sample

IDENTITY = "lab|network|switch|acme|sw1"
OTHER = "lab|network|switch|acme|sw2"
EVIL = '<script>document.title="owned"</script>\x1b[31m\u202egnp.exe'
POLLS = [
    ({"octets_in": [0, 9]}, {"line_rates": [GBIT] * 2}),
    ({"octets_in": [75_000_000, 1]}, {"line_rates": [GBIT] * 2, "slot": T0_S + 60}),
]
PATHS = (
    "/",
    "/devices",
    "/map",
    "/slots",
    "/topics",
    "/profiles",
    "/search?q=sw",
    f"/device?{urlencode({'id': IDENTITY})}",
    f"/record?{urlencode({'id': IDENTITY})}",
    f"/row?{urlencode({'id': IDENTITY, 'group': 'interface', 'row': 'Gi0/0', 'week': 1})}",
    "/map?from=sw1&to=sw2",
    f"/why?{urlencode({'id': IDENTITY, 'group': 'interface', 'row': 'Gi0/0', 'name': 'octets_in'})}",
)
#: gives the milliseconds as soon as there is something to see
FIRST_PAINT = """() => new Promise((done) => new PerformanceObserver((list) => {
  for (const each of list.getEntriesByName("first-contentful-paint")) done(each.startTime);
}).observe({type: "paint", buffered: true}))"""

pytestmark = NEEDS


def device(identity: str, at: int) -> EnrichedResource:
    site, class_, subclass, type_, name = identity.split("|")
    known = Resource(
        site=site, resource_class=class_, resource_subclass=subclass, resource_type=type_, resource_id=name,
        endpoint=f"192.0.2.{at}", plugins=["lab"], first_seen_ms=0, last_seen_ms=0,
    )  # fmt: skip
    facts = Enrichment(plugin="device", collected_at_ms=0, ttl_s=60, facts={"sys_descr": EVIL, "profile": "acme"})
    job = Job(plugin="snmp", profile="acme", interval_s=60)
    return EnrichedResource(resource=known, enrichments={"device": facts}, jobs=[job], jobs_since_ms=0)


def poll(identity: str, outcome: Outcome, reason: str) -> PollStatus:
    return PollStatus(
        resource=identity, site="lab", endpoint="192.0.2.1", job="interfaces/acme/60", slot=T0_S + 60, interval_s=60,
        outcome=outcome, reason=reason, started_at_ms=(T0_S + 60) * 1000, lateness_ms=4, duration_ms=9, packets_sent=2,
        retries=0, values=4, worker="w:1",
    )  # fmt: skip


def link(state: LinkState) -> Link:
    ends = [LinkEnd(resource=name, row="Gi0/0") for name in (IDENTITY, OTHER)]
    return Link(ends=ends, state=state, since_ms=T0_S * 1000, speed_bits_per_s=GBIT)


@pytest.fixture(scope="module")
def seen() -> ReadModels:
    models = ReadModels(2**20)
    for identity, at in ((IDENTITY, 1), (OTHER, 2)):
        models.take(Topic.ENRICHED_RESOURCES, identity, device(identity, at))
    for gauge in gauges(*(sample(counters, **rest) for counters, rest in POLLS)):
        models.take(Topic.GAUGES, gauge.resource, to_avro(gauge))
    for status in (poll(IDENTITY, Outcome.SUCCESS, ""), poll(OTHER, Outcome.TIMEOUT, "no answer in 3 tries")):
        models.take(Topic.POLL_STATUS, status.resource, status)
    models.take(Topic.TOPOLOGY, "one", link(LinkState.UP))
    return models


@pytest.fixture(scope="module")
def address(seen: ReadModels) -> Iterator[str]:
    """Serve the pages on a port that the kernel chooses."""
    now_s = int(time.time())
    points = [Point(now_s - 600 + at, None if 200 < at < 300 else 9e6, "gap") for at in range(0, 600, 15)]
    why = Fold([record(counters, **rest) for counters, rest in POLLS])
    app = Starlette(routes=routes(seen, Remembered({"octets_in": points}), why))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[Any]:
    """Start after the pages: playwright's own loop would be the one that their templates' disk holds up."""
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Page]:
    with opened(browser, address) as page:
        yield page


def name_of(path: str) -> str:
    name, _, asked = path.partition("?")
    return (name.strip("/") or "overview") + ("-way" if asked.startswith("from=") else "")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_nobody_is_kept_out_of_a_page(page, path, colours):
    page.emulate_media(color_scheme=colours)
    page.goto(path)
    keep(page, f"{name_of(path)}-{colours}")
    found = Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in {"serious", "critical"}]
    assert [(each["id"], [node["html"][:120] for node in each["nodes"]][:3]) for each in serious] == []


@pytest.mark.parametrize("path", PATHS)
def test_a_phone_shows_a_page_without_scrolling_sideways(page, path):
    page.set_viewport_size({"width": 390, "height": 780})
    page.goto(path)
    keep(page, f"{name_of(path)}-phone")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_page_is_painted(page, capsys):
    """Print the median of every page: how quick it is says something about the machine too, and is not judged here."""
    found = {}
    for path in PATHS:
        took_ms = []
        for _ in range(3):
            page.goto(path)
            took_ms.append(page.evaluate(FIRST_PAINT))
        found[path.partition("&")[0]] = median(took_ms)
    lines = [f"{took_ms:7.0f} ms {path}" for path, took_ms in found.items()]
    with capsys.disabled():
        sys.stdout.write("\n".join(["\nfirst paint", *lines, f"{median(found.values()):7.0f} ms, the median", ""]))
    assert all(took_ms > 0 for took_ms in found.values())


def test_what_is_wrong_stands_on_the_overview_with_its_reason(page):
    page.goto("/")
    row = page.locator("tr", has_text="silent").first
    assert "sw2" in row.inner_text()
    assert "no answer in 3 tries" in row.inner_text()


def test_a_rate_is_the_topics_own_and_its_why_shows_both_samples(page, seen):
    rate = seen.row(IDENTITY, "interface", "Gi0/0").gauges["octets_in"]
    assert rate * 8 == 10_000_000
    page.goto("/")
    page.get_by_role("link", name="10 Mbit/s").click()
    text = page.locator("main").inner_text()
    assert all(each in text for each in ("1.25e+06 octets/s", "75000000", "60.000 s", "1 Gbit/s", "w:1"))


def test_an_absent_rate_has_its_reason_beside_it_and_its_rule_two_clicks_on(page):
    page.goto("/devices")
    page.get_by_role("link", name="sw1", exact=True).click()
    page.get_by_role("link", name="reset").click()
    assert "the counter fell, and that was no wrap" in page.locator("main").inner_text()


def test_a_link_that_goes_down_shows_on_the_map(page, seen):
    page.goto("/map")
    page.wait_for_function("document.getElementById('map').dataset.links === '1'")
    assert "up" in page.locator("#links tbody").inner_text()
    seen.take(Topic.TOPOLOGY, "one", link(LinkState.DOWN))
    try:
        page.reload()
        assert page.locator("#links .state.down").count() == 1
    finally:
        seen.take(Topic.TOPOLOGY, "one", link(LinkState.UP))


def test_a_fault_of_a_filter_is_shown_where_it_is(page):
    page.goto("/devices")
    page.get_by_label("Filter").fill("resource_site = 'lab' AND resource_colour = 'red'")
    page.get_by_role("button", name="Show").click()
    lines = page.locator("#fault").inner_text().splitlines()
    caret = next(line for line in lines if "^" in line)
    above = lines[lines.index(caret) - 1]
    assert above[caret.index("^") :].startswith("resource_colour")


def test_a_plot_is_drawn_and_its_numbers_can_be_had(page):
    page.goto(f"/row?{urlencode({'id': IDENTITY, 'group': 'interface', 'row': 'Gi0/0'})}")
    page.wait_for_selector("[data-plot*='octets_in'] svg path", state="attached")
    answer = page.request.get(html.unescape(page.locator("a", has_text="CSV").first.get_attribute("href")))
    lines = answer.text().splitlines()
    assert lines[0] == "time,octets_in,octets_out"
    assert {line.split(",")[1] for line in lines[1:]} == {"9000000.0", ""}


def test_a_devices_text_is_text(page):
    page.goto(f"/device?{urlencode({'id': IDENTITY})}")
    assert "sw1" in page.title()
    shown = page.locator("main").inner_text()
    assert '<script>document.title="owned"</script>' in shown
    assert not {"\x1b", "\u202e"} & set(shown)


def row_of(identity: str, row: str, **more: object) -> str:
    return f"/row?{urlencode({'id': identity, 'group': 'interface', 'row': row, **more})}"


def test_a_gap_of_a_plot_says_why(page):
    page.goto(row_of(IDENTITY, "Gi0/0"))
    page.wait_for_selector("[data-gaps]")
    place = page.locator("[data-plot*='octets_in']").first
    assert int(place.get_attribute("data-gaps")) > 0
    answer = page.request.get(place.get_attribute("data-plot")).json()
    gaps = [why for _, value, why in answer["lines"]["octets_in"] if value is None]
    assert set(gaps) == {"gap"}
    assert answer["p95"] == {"octets_in": 9e6, "octets_out": None}


def test_the_week_before_stands_beside_this_one(page):
    page.goto(row_of(IDENTITY, "Gi0/0"))
    page.get_by_role("link", name="week before").click()
    page.wait_for_selector("[data-gaps]")
    assert page.locator("[data-plot*='octets_in'] text", has_text="a week before").count() > 0
    keep(page, "row")


def test_a_plot_is_saved_as_a_picture(page):
    page.goto(row_of(IDENTITY, "Gi0/0"))
    page.wait_for_selector("[data-gaps]")
    with page.expect_download() as saved:
        page.get_by_role("button", name="PNG").first.click()
    picture = saved.value.path().read_bytes()
    assert (saved.value.suggested_filename, picture[:8]) == ("Traffic.png", b"\x89PNG\r\n\x1a\n")


def test_the_way_between_two_devices_is_told(page):
    page.goto("/map")
    page.get_by_label("Way from").fill("sw1")
    page.get_by_label("to", exact=True).fill("sw2")
    page.get_by_role("button", name="Show").click()
    assert "sw1 Gi0/0 to sw2 Gi0/0" in page.locator("#way").inner_text()
    page.goto("/map?from=sw1&to=nowhere")
    assert "nowhere is none" in page.locator("#way").inner_text()


def test_a_device_is_found_on_the_map_and_stays_where_it_is_dragged(page):
    page.goto("/map")
    page.wait_for_selector("#map[data-links='1']")
    page.get_by_label("Find").fill("sw2")
    assert page.locator("#map").get_attribute("data-found") == "1"
    page.get_by_label("Find").fill("")
    at = page.evaluate("layout().getItemLayout(0).slice()")
    box = page.locator("#map").bounding_box()
    x, y = page.evaluate("chart.convertToPixel({seriesIndex: 0}, layout().getItemLayout(0))")
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.mouse.down()
    page.mouse.move(box["x"] + x + 60, box["y"] + y + 40, steps=5)
    page.mouse.up()
    moved = page.evaluate("layout().getItemLayout(0).slice()")
    assert moved != at
    page.reload()
    page.wait_for_selector("#map[data-links='1']")
    assert page.evaluate("layout().getItemLayout(0)") == pytest.approx(moved, abs=1)


def test_the_map_has_the_load_of_a_past_time_and_refuses_the_future(page):
    at_s = int(time.time()) - 1
    page.goto(f"/map?at={at_s}")
    assert "72 Mbit/s" in page.locator("#links tbody").inner_text()
    assert page.goto(f"/map?at={at_s + 9999}").status == 400
    assert page.goto(row_of(IDENTITY, "Gi0/0", end=at_s + 9999)).status == 400


def test_a_map_of_five_hundred_devices_is_drawn_within_two_seconds(page, seen):
    names = [f"big|network|switch|acme|node{number}" for number in range(500)]
    for number, name in enumerate(names):
        seen.take(Topic.ENRICHED_RESOURCES, name, device(name, 9))
        for to in {number // 2, number // 3} - {number}:
            ends = [LinkEnd(resource=name, row=f"Gi{to}"), LinkEnd(resource=names[to], row=f"Gi{number}")]
            seen.take(Topic.TOPOLOGY, f"{number}-{to}", Link(ends=ends, state=LinkState.UP, since_ms=0))
    try:
        page.goto("/map?site=big")
        page.wait_for_selector("#map[data-drawn-ms]", timeout=30_000)
        keep(page, "map-500")
        took_ms = int(page.locator("#map").get_attribute("data-drawn-ms"))
        assert int(page.locator("#map").get_attribute("data-links")) > 900
        assert took_ms <= 2_000
    finally:
        for number, name in enumerate(names):
            seen.take(Topic.ENRICHED_RESOURCES, name, None)
            for to in {number // 2, number // 3}:
                seen.take(Topic.TOPOLOGY, f"{number}-{to}", None)


#: question -> what is clicked from the overview on, and what then answers it
FIVE = {
    "which interface is busiest": ([], "section:has(h2:text('Busiest')) tbody tr:has-text('Gi0/0')"),
    "what is down and since when": ([], "section:has(h2:text('Wrong now')) tr:has-text('silent') .when"),
    "how is A joined to B": (
        ["nav a:text-is('Devices')", "main a:text-is('sw1')"],
        "section:has(h2:text('Neighbours')) tr:has-text('sw2')",
    ),
    "why has this interface no rate": (
        ["nav a:text-is('Devices')", "main a:text-is('sw1')", "td .why em"],
        ".rule:has-text('the counter fell')",
    ),
    "which devices are polled late": ([], "section:has(h2:text('Polled latest')) tbody tr"),
}


@pytest.mark.parametrize("question", FIVE)
def test_a_newcomers_question_is_answered_within_three_clicks(page, question):
    clicks, answer = FIVE[question]
    page.goto("/")
    for each in clicks:
        page.locator(each).first.click()
    assert len(clicks) <= 3
    page.locator(answer).first.wait_for()
    keep(page, question.replace(" ", "-"))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/device?id=nobody", 404, id="a-device-that-left"),
        pytest.param("/row?id=x&range=-1", 404, id="a-row-of-nobody"),
        pytest.param(f"/row?{urlencode({'id': IDENTITY, 'range': 'tomorrow'})}", 400, id="no-range"),
        pytest.param("/devices?page=minus", 400, id="no-number"),
        pytest.param(f"/devices?filter={'x' * 20_000}", 400, id="a-filter-without-end"),
        pytest.param(f"/why?{urlencode({'id': IDENTITY, 'slot': '9' * 30})}", 400, id="no-slot"),
    ],
)
def test_a_bad_address_is_a_page_with_its_status(page, path, status):
    assert page.goto(path).status == status
    assert page.locator("h1").inner_text()


def test_all_scripts_together_are_small_enough():
    assert sum(each.stat().st_size for each in STATIC.rglob("*.js")) <= 1_200_000
