"""One of each store for all tests of the run; what a test writes is of devices of its own."""

from collections.abc import Iterator

import pytest

from tests.contract.sinks.stores import Store, influxdb, prometheus, victoria_metrics


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with influxdb(tmp_path_factory.mktemp("influxdb")) as store:
        yield store


@pytest.fixture(scope="session", params=["victoria-metrics", "prometheus"])
def promql(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that takes remote write and answers PromQL."""
    start = {"victoria-metrics": victoria_metrics, "prometheus": prometheus}[request.param]
    with start(tmp_path_factory.mktemp(request.param)) as store:
        yield store
