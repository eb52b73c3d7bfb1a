"""Every query of every dashboard finds series in a store that holds all that the vocabulary knows."""

import json
import time
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from pollers.vocabulary.load import load
from pollers.vocabulary.model import MetricGroup, MetricKind
from schemas.records import Gauge
from streams.sinks.naming.names import Names
from streams.sinks.reading.statuses import OUTCOME, UNITS
from streams.sinks.senders import agent_prometheus
from tests.contract.sinks.stores import Store, victoria_metrics
from tests.contract.sinks.test_stores import write
from tests.unit.deploy.names import ROOT, of_the_workers
from tests.unit.sinks.gauges import gauge

FILES: Final = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
_VARIABLES: Final = {"$site": ".*", "$device": ".*", "$row": ".*", "$__rate_interval": "5m"}
_BY: Final = (
    'stage="polling", instance="a:1", outcome="SUCCESS", arrival="next", word="reset", became="stored", answer="2xx"'
)


def rows_of(group: MetricGroup, at_ms: int) -> Gauge:
    numbers = [each for each in group.metrics.values() if each.kind in {MetricKind.LEVEL, MetricKind.RATE}]
    return gauge(
        group=group.name,
        row="one",
        slot=at_ms // 1000,
        time_ms=at_ms,
        gauges={each.name: 1.0 for each in numbers},
        units={each.name: f"{each.unit}/s" if each.kind is MetricKind.RATE else each.unit for each in numbers},
        states={each.name: each.states[0] for each in group.metrics.values() if each.states},
    )


def others(at_ms: int) -> Iterator[str]:
    """Yield what the workers and the polls would have said, as Prometheus' text."""
    row = 'site="fra1", device="sw1.fra1", row="snmp"'
    outcome = Names().state("poll", OUTCOME)
    for when_ms in (at_ms - 60_000, at_ms):
        yield f'{outcome}{{{row}, {outcome}="success"}} 1 {when_ms}'
        yield from (f"{Names().number('poll', name, unit).name}{{{row}}} 1 {when_ms}" for name, unit in UNITS.items())
        yield from (f"{name}{{{_BY}}} {when_ms} {when_ms}" for name in of_the_workers())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with victoria_metrics(tmp_path_factory.mktemp("dashboards")) as found:
        yield found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_every_query_finds_series(store: Store, path):
    at_ms = time.time_ns() // 10**6 - 60_000
    await write(agent_prometheus.create, [rows_of(each, at_ms) for each in load().groups.values()], url=store.url)
    async with httpx.AsyncClient(base_url=store.url, trust_env=False) as client:
        text = "\n".join(others(at_ms)) + "\n"
        (await client.post("/api/v1/import/prometheus", content=text)).raise_for_status()
        await client.get("/internal/force_flush")
        empty = [each for each in queries(json.loads(path.read_text())) if not await found(client, each, at_ms)]
    assert empty == []


def queries(board: dict[str, Any]) -> Iterator[str]:
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            expr = target["expr"]
            for variable, value in _VARIABLES.items():
                expr = expr.replace(variable, value)
            yield expr


async def found(client: httpx.AsyncClient, expr: str, at_ms: int) -> list[Any]:
    params = {"query": expr, "time": f"{at_ms / 1000 + 1:.3f}", "nocache": "1"}
    answer = await client.get("/api/v1/query", params=params)
    assert answer.is_success, f"{expr}: {answer.text}"
    series: list[Any] = answer.json()["data"]["result"]
    return series
