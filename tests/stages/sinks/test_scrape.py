"""A real Prometheus scrapes the view: what is shown is what stands in the topic, and what is gone ends at once."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from streams.pipeline import Topic
from streams.playground.services import Stack
from streams.runtime.kafka.topic_names import topic_name
from tests.contract.sinks.stores import Store, free_port, prometheus
from tests.stages.gauges.scenarios import QUICK, WITHOUT
from tests.stages.sinks.sinkpipe import SERIES, SinkPipe
from tests.unit.sinks.gauges import gauge

SECTION: Final = """
[sink:pages]
plugin = prometheus-scrape
listen = 127.0.0.1:{port}
"""
SCRAPES: Final = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: all
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
  - job_name: devices
    http_sd_configs: [{{url: "http://127.0.0.1:{port}/sd", refresh_interval: 1s}}]
    relabel_configs: [{{source_labels: [__meta_panoptes_type], target_label: type}}]
"""
DEVICES: Final = ("fra1|network|switch|cisco|sw1", "fra1|network|switch|cisco|sw2", "ber1|network|router|juniper|sw1")

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def store(tmp_path: Path, port: int) -> Iterator[Store]:
    with prometheus(tmp_path, SCRAPES.format(port=port)) as one:
        yield one


@pytest.fixture
def pipe(stack: Stack, tmp_path: Path, port: int) -> Iterator[SinkPipe]:
    bootstrap = stack.environment()["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"]
    prefix, folder = f"scrape{time.time_ns()}", tmp_path / "state"
    with SinkPipe(bootstrap, prefix, folder, settings={**QUICK, **WITHOUT}, ini=SECTION.format(port=port)) as one:
        yield one


def found(store: Store, query: str) -> dict[tuple[str, str, str], float]:
    """Return what Prometheus has now: (job, device's identity in short, row) -> value."""
    answer = httpx.get(f"{store.url}/api/v1/query", params={"query": query}, trust_env=False).raise_for_status()
    several: list[dict[str, Any]] = answer.json()["data"]["result"]
    of = [(one["metric"], float(one["value"][1])) for one in several]
    return {(one["job"], f"{one['site']}/{one['device']}", one["row"]): value for one, value in of}


def serves(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/sd", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def put(pipe: SinkPipe, number: float, *, gone: frozenset[str] = frozenset()) -> None:
    """Store a gauge of each row of each device, as of now; of rows that are gone, that they are."""
    now_ms = time.time_ns() // 10**6
    for resource in DEVICES:
        for row in ("Gi0/1", "Gi0/2"):
            fields: dict[str, Any] = {"gauges": {"octets_in": number}, "states": {}, "missing": {}}
            if row in gone:
                fields = {"gauges": {}, "states": {}, "missing": {"octets_in": "row-gone"}}
            site = resource.partition("|")[0]
            pipe.put_gauges(
                [gauge(resource=resource, site=site, row=row, time_ms=now_ms, slot=now_ms // 1000, **fields)]
            )


def test_prometheus_has_every_row_twice_and_loses_what_is_gone(pipe: SinkPipe, store: Store):
    put(pipe, 1.0)
    worker = pipe.start()
    put(pipe, 1e9 / 7)
    names = {
        (job, device, row)
        for job in ("all", "devices")
        for device in ("fra1/sw1", "fra1/sw2", "ber1/sw1")
        for row in ("Gi0/1", "Gi0/2")
    }
    pipe.wait(lambda: found(store, SERIES) == dict.fromkeys(names, 1e9 / 7), "every row, by both jobs", 60)
    targets = httpx.get(f"{store.url}/api/v1/targets", trust_env=False).json()["data"]["activeTargets"]
    assert {one["health"] for one in targets} == {"up"}
    assert len(found(store, f'{SERIES}{{type="juniper"}}')) == 2

    put(pipe, 2.0, gone=frozenset({"Gi0/2"}))
    left = {name for name in names if name[2] == "Gi0/1"}
    pipe.wait(lambda: found(store, SERIES) == dict.fromkeys(left, 2.0), "the rows that are gone have ended", 30)

    inventory = topic_name(pipe.settings, Topic.INVENTORY)
    pipe.put([(DEVICES[0].encode(), None)], topic=inventory)
    left = {name for name in left if name[1] != "fra1/sw1"}
    pipe.wait(lambda: found(store, SERIES).keys() == left, "the device that left has ended", 30)

    assert "a view" in pipe.panoptes("sinks", "list")
    assert "no place that could be moved" in pipe.panoptes("sinks", "skip", "pages", status=2)
    worker.terminate()
    assert worker.wait(15) == 0


def test_a_port_that_is_taken_ends_the_worker_with_a_line(pipe: SinkPipe, port: int):
    first = pipe.start()
    pipe.wait(lambda: serves(port), "the first one serves", 60)
    second = pipe.start()
    assert second.wait(60) != 0
    assert f"[sink:pages] cannot listen at 127.0.0.1:{port}" in pipe.log()
    assert first.poll() is None
