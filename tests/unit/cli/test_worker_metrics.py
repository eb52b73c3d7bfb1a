"""What workers of every stage show at /metrics: good OpenMetrics, and all of it stands on the page."""

from pathlib import Path
from typing import Final

import pytest
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from streams.cli.operating.worker_metrics import page, workers
from streams.runtime.kernel.worker import Worker

PAGE: Final = Path(__file__).parents[3] / "docs" / "worker-metrics.md"
#: of Prometheus' naming practices: base units, spelt out
NOT_BASE_UNITS: Final = ("_ms", "_milliseconds", "_minutes", "_kb", "_mb", "_percent", "_pct", "_sec", "_secs")


@pytest.fixture(scope="module")
def built() -> list[tuple[str, Worker]]:
    return list(workers())


def test_the_page_is_as_the_code_writes_it():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: panoptes config docs"


def test_everything_that_a_worker_shows_stands_on_the_page_with_its_kind(built):
    text = PAGE.read_text(encoding="utf-8")
    for _, worker in built:
        shown = {family.name: family.type for family in plain(worker.context.metrics.text().decode())}
        assert len(shown) > 8
        for name, kind in shown.items():
            line = f"| `{name}_total` | counter |" if kind == "counter" else f"| `{name}` | {kind} |"
            assert line in text


def test_names_and_meanings_are_as_openmetrics_wants_them(built):
    for stage, worker in built:
        families = list(openmetrics(generate_latest(worker.context.metrics._registry).decode()))
        assert len({family.name for family in families}) == len(families), "each name once"
        for family in families:
            assert family.documentation, family.name
            assert not family.name.endswith(NOT_BASE_UNITS), family.name
            assert all(sample.labels["stage"] == stage for sample in family.samples)
