"""Receivers that no Debian package brings, as scripts/receivers has built them; without one its tests say why."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.contract.sinks.stores import Store, free_port, influxdb, prometheus, running, victoria_metrics

FOLDER: Final = Path(__file__).parents[2] / ".state" / "receivers"
COLLECTOR: Final = """
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{otlp}"}}}}}}
exporters:
  file: {{path: "{folder}/metrics.jsonl", flush_interval: 200ms}}
  prometheus: {{endpoint: "127.0.0.1:{port}"}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    metrics: {{receivers: [otlp], exporters: [file, prometheus]}}
"""


class Collector(NamedTuple):
    """An OpenTelemetry collector, and where it writes what it was given."""

    url: str
    lines: Path


def built(name: str) -> str:
    """Return the path of a receiver; skip where there is none, with the last line of its build."""
    program = FOLDER / "bin" / name
    if program.is_file():
        return str(program)
    log = FOLDER / f"{name}.log"
    said = log.read_text(errors="replace").strip().rpartition("\n")[2] if log.exists() else "it was not tried"
    pytest.skip(f"{name} is not built (make test-receivers builds it): {said}")


@contextmanager
def collector(folder: Path, program: str) -> Iterator[Collector]:
    otlp, port = free_port(), free_port()
    config = folder / "collector.yaml"
    config.write_text(COLLECTOR.format(otlp=otlp, port=port, folder=folder))
    with running([program, "--config", str(config)], folder, f"http://127.0.0.1:{port}/metrics"):
        yield Collector(f"http://127.0.0.1:{otlp}", folder / "metrics.jsonl")


@pytest.fixture(scope="session", params=["victoria-metrics", "prometheus"])
def promql(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that takes remote write and answers PromQL."""
    start = {"victoria-metrics": victoria_metrics, "prometheus": prometheus}[request.param]
    with start(tmp_path_factory.mktemp(request.param), program=built(request.param)) as store:
        yield store


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with influxdb(tmp_path_factory.mktemp("influxdb"), program=built("influxd")) as store:
        yield store


@pytest.fixture
def otel(tmp_path: Path) -> Iterator[Collector]:
    with collector(tmp_path, built("otelcol")) as one:
        yield one
