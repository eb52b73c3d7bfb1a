"""What the overview and a device's pages show beside rates: freshness, leaders, errors, vital signs, records."""

from dataclasses import replace

from starlette.testclient import TestClient

from schemas.codec import to_avro
from schemas.records import Gauge
from streams.console.pages.vitals import vitals
from streams.pipeline import Topic
from tests.browser.records import Fold, sources
from tests.unit.console.test_api import filled
from tests.unit.console.test_bad_input import A, FakeBroker, of
from tests.unit.console.test_rows import gauge
from tests.unit.gauges.making import record


def level(group: str, row: str, states: dict[str, str] | None = None, **numbers: float) -> Gauge:
    of_row = gauge(row)
    units = dict.fromkeys(numbers, "percent")
    return replace(of_row, group=group, dimensions={}, gauges=numbers, units=units, states=states or {}, missing={})


def test_the_highest_of_each_kind_and_the_sensors_that_are_not_well_are_vital():
    found = vitals([
        level("cpu", "1", cpu_utilization=7.0), level("cpu", "2", cpu_utilization=93.0),
        level("memory", "m", memory_utilization=41.0),
        level("temperature", "t", {"sensor_state": "ok"}, temperature=30.0),
        level("voltage", "v", {"sensor_state": "nonoperational"}), level("fan", "f", {"sensor_state": "unavailable"}),
    ])  # fmt: skip
    told = [(each.what, each.gauge.row) for each in found]
    assert told == [("CPU", "2"), ("Memory", "m"), ("Temperature", "t"), ("Sensor", "v")]


def test_a_devices_page_begins_with_its_vital_signs():
    given = sources(filled())
    for each in (level("cpu", "1", cpu_utilization=93.0), level("fan", "f", {"sensor_state": "nonoperational"})):
        given.models.take(Topic.GAUGES, "", to_avro(each))
    with TestClient(of(given)) as client:
        shown = client.get(f"/device?id={A}").text
    signs = shown[shown.index("Vital signs") : shown.index("<h2>Polls")]
    assert "93 %" in signs
    assert "nonoperational" in signs


def test_the_overview_tells_how_fresh_the_pipeline_is_who_leads_and_which_interfaces_have_errors():
    given = sources(filled())
    for row, errors in (("Gi7", {"errors_in": 3.0, "errors_out": 1.0}), ("Gi8", {"errors_in": 0.0})):
        given.models.take(Topic.GAUGES, "", to_avro(replace(gauge(row), gauges=errors)))
    given.models.meters[Topic.GAUGES].read(1_700_000_000_000, 5, 1_700_000_000_000, 321)
    with TestClient(of(given, FakeBroker())) as client:
        shown = client.get("/").text
    errors, pipeline = shown[shown.index("<h2>Errors") :], shown[shown.index("<h2>Pipeline") :]
    assert "Gi7" in errors
    assert "Gi8" not in errors
    assert all(each in pipeline for each in ("2023-11-14 22:13:20Z", "321", "leader-1"))


def test_a_devices_records_are_shown_as_they_stand_in_the_topics():
    known = filled()
    sample = replace(record({"octets_in": [4711]}), resource="s|network|switch|t|a")
    with TestClient(of(sources(known)._replace(why=Fold([sample])))) as client:
        shown = client.get(f"/record?id={A}").text
        gone = client.get("/record?id=gone")
    assert "4711" in shown[shown.index("raw-counters") :]
    assert "&#34;enrichments&#34;" in shown
    assert gone.status_code == 404
