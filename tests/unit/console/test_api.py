"""The API over models with known records: every operation answers, and bad addresses get a status and a reason."""

import math
from collections.abc import Iterator

import pytest
import schemathesis
from starlette.testclient import TestClient

from schemas.codec import to_avro
from schemas.records import EnrichedResource, Enrichment, Job, Link, LinkEnd, LinkState, Outcome, PollStatus, Resource
from streams.console.agent_server import application
from streams.console.models import ReadModels
from streams.pipeline import Topic
from tests.browser.records import sources
from tests.unit.console.test_rows import gauge

NAMES = ("a", "b/c", "<script>\x1b[31m\u202e")


def resource(name: str) -> Resource:
    return Resource(
        site="s", resource_class="network", resource_subclass="switch", resource_type="t", resource_id=name,
        endpoint="192.0.2.1:161", plugins=("p",), first_seen_ms=1, last_seen_ms=1, labels={"role": "leaf"},
    )  # fmt: skip


def poll(name: str, slot: int, outcome: Outcome, reason: str = "") -> PollStatus:
    return PollStatus(
        resource=resource(name).identity, site="s", endpoint="192.0.2.1:161", job="snmp/generic/60", slot=slot,
        interval_s=60, outcome=outcome, reason=reason, started_at_ms=slot * 1000, lateness_ms=3, duration_ms=9,
        packets_sent=4, retries=0, values=7, worker="w1",
    )  # fmt: skip


def filled() -> ReadModels:
    models = ReadModels(2**16)
    facts = Enrichment(plugin="facts", collected_at_ms=5, ttl_s=60, facts={"sys_name": "a"}, rows={"1": {"x": "y"}})
    job = Job(plugin="snmp", profile="generic", interval_s=60)
    for name in NAMES:
        of = EnrichedResource(resource=resource(name), enrichments={"facts": facts}, jobs=(job,), jobs_since_ms=0)
        models.take(Topic.ENRICHED_RESOURCES, resource(name).identity, of)
    models.take(Topic.POLL_STATUS, "", poll("a", 60, Outcome.SUCCESS))
    models.take(Topic.POLL_STATUS, "", poll("b/c", 60, Outcome.TIMEOUT, "no answer"))
    for slot in (60, 120):
        models.take(Topic.GAUGES, "", to_avro(gauge(slot=slot)))
    models.take(Topic.GAUGES, "", to_avro(gauge("Gi2", octets=math.nan)))
    ends = (LinkEnd(resource=resource("a").identity, row="Gi1"), LinkEnd(resource=resource("b/c").identity, row="Gi1"))
    models.take(Topic.TOPOLOGY, "k", Link(ends=ends, state=LinkState.DOWN, since_ms=9))
    return models


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(application(sources(filled()), list)) as client:
        yield client


def ids(client: TestClient, query: str) -> list[str]:
    return [each["id"] for each in client.get(f"/api/v1/devices?{query}").json()["found"]]


def test_devices_are_found_by_the_filter_language_and_by_state(client):
    assert sorted(ids(client, "")) == sorted(NAMES)
    assert ids(client, "filter=resource_id='a'") == ["a"]
    assert ids(client, "filter=facts.sys_descr=''+and+resource_id='a'") == ["a"]
    assert ids(client, "filter=facts.sys_descr+like+'%25IOS%25'") == []
    assert ids(client, "state=silent") == ["b/c"]
    assert ids(client, "per_page=1&page=2") == ["a"]


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        pytest.param("devices?filter=resource_id+LIKE", 400, "^", id="a-filter-with-its-error-at-the-character"),
        pytest.param("devices?filter=" + "x" * 50_000, 400, "expected", id="a-filter-of-50-kB"),
        pytest.param("devices?state=fine", 400, "silent", id="an-unknown-state"),
        pytest.param("devices?page=x", 400, "whole number", id="a-page-that-is-no-number"),
        pytest.param("devices/s/nobody", 404, "nobody", id="a-device-that-is-not-known"),
        pytest.param("rows", 400, "id", id="rows-of-nobody"),
        pytest.param("rows?id=nobody", 404, "nobody", id="rows-of-an-unknown-device"),
        pytest.param("points?id=s|network|switch|t|a", 400, "group", id="points-of-no-group"),
    ],
)
def test_what_cannot_be_answered_says_why(client, address, status, words):
    answer = client.get(f"/api/v1/{address}")
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_a_device_is_told_with_polls_facts_and_rows_of_enrichment(client):
    told = client.get("/api/v1/devices/s/b%2Fc").json()
    assert (told["state"], told["reason"], told["jobs"]) == ("silent", "no answer", ["snmp/generic/60"])
    assert told["enrichments"]["facts"]["rows"] == {"1": {"x": "y"}}
    assert [each["outcome"] for each in told["polls"]] == ["TIMEOUT"]


def test_numbers_of_a_row_and_their_past(client):
    rows = client.get("/api/v1/rows?id=s|network|switch|t|a").json()["found"]
    assert [(each["row"], each["gauges"]["octets_in"]) for each in rows] == [("Gi1", 5.0), ("Gi2", None)]
    points = client.get("/api/v1/points?id=s|network|switch|t|a&group=interface&row=Gi1&name=octets_in&start=61")
    assert points.json()["found"] == [[120, 5.0]]


def test_what_is_wrong_now_is_told_the_latest_first(client):
    found = client.get("/api/v1/problems").json()["found"]
    assert [each["kind"] for each in found] == ["silent", "down"]


def test_an_answer_that_has_not_changed_is_not_sent_again(client):
    tag = client.get("/api/v1/links").headers["etag"]
    again = client.get("/api/v1/links", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_every_answer_keeps_browsers_from_harm(client):
    for address in ("/health", "/api/v1/devices", "/nowhere"):
        headers = client.get(address).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "script-src" not in headers["content-security-policy"]


def test_own_metrics_say_how_much_is_known(client):
    assert 'panoptes_console_devices{stage="console"} 3.0' in client.get("/metrics").text


schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", application(sources(filled()), list))


@schema.parametrize()
def test_no_request_breaks_the_api(case):
    case.call_and_validate(excluded_checks=[schemathesis.checks.CHECKS.get_one("positive_data_acceptance")])
