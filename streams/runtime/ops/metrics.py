"""Defines all Prometheus metrics of a worker with their help texts."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streams.runtime.ops.compiled import running

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metrics(Collector):
    """Collects the numbers from the objects that keep them, when they are scraped."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._sources: list[tuple[str, str, bool, Callable[[], float]]] = []
        self._labelled: list[tuple[str, str, str, bool, Callable[[], Iterable[tuple[str, float]]]]] = []
        self._registry = CollectorRegistry()
        self._registry.register(self)
        meaning = "modules that run as machine code; 0 where all are interpreted"
        self.gauge("compiled_modules", meaning, lambda: running().modules)

    def counter(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Add a counter."""
        self._sources.append((name, meaning, True, read))

    def gauge(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Add a gauge."""
        self._sources.append((name, meaning, False, read))

    def counters(self, name: str, meaning: str, label: str, read: Callable[[], Iterable[tuple[str, float]]]) -> None:
        """Add counters, one for each value of a label."""
        self._labelled.append((name, meaning, label, True, read))

    def gauges(self, name: str, meaning: str, label: str, read: Callable[[], Iterable[tuple[str, float]]]) -> None:
        """Add gauges, one for each value of a label."""
        self._labelled.append((name, meaning, label, False, read))

    def collect(self) -> Iterator[Metric]:
        for name, meaning, grows, read in self._sources:
            kind = CounterMetricFamily if grows else GaugeMetricFamily
            family = kind(f"panoptes_{name}", meaning, labels=["stage"])
            family.add_metric([self._stage], read())
            yield family
        for name, meaning, label, grows, read_all in self._labelled:
            kind = CounterMetricFamily if grows else GaugeMetricFamily
            family = kind(f"panoptes_{name}", meaning, labels=["stage", label])
            for value, number in read_all():
                family.add_metric([self._stage, value], number)
            yield family

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)
