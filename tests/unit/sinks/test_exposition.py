"""Pages to be scraped are what Prometheus' own parsers read."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from schemas.records import Gauge
from streams.sinks.encoding.exposition import LatestRows, Page
from streams.sinks.naming.labels import Labels
from streams.sinks.naming.names import Names
from streams.sinks.reading.gauges import GaugeReader
from tests.strategies import records_of
from tests.unit.sinks.gauges import HEADER, decode, encode, gauge

PARSERS = {Page.OPENMETRICS: openmetrics, Page.TEXT: plain}
NAME = "panoptes_interface_octets_in_bytes_per_second"
KEYS = {"site": "fra1", "device": "sw1.fra1", "row": "Gi0/1"}


def latest(*records: Gauge, most_rows: int = 1000) -> LatestRows:
    found = LatestRows(Names(), Labels(), most_rows)
    reader = GaugeReader(HEADER, decode, lambda _row: True)
    for one in records:
        found.take(reader.read([encode(one)])[0])
    return found


def samples(text: str, form: Page) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in PARSERS[form](text)
        for one in family.samples
    }


@pytest.mark.parametrize("form", Page)
def test_a_page_has_the_last_number_of_each_row(form):
    page = latest(gauge(), gauge(time_ms=gauge().time_ms + 1, gauges={"octets_in": 7.5})).page(form, lambda _row: True)
    found = samples(page, form)
    assert found[NAME, tuple(sorted(KEYS.items()))] == 7.5
    assert "panoptes_interface_errors_in_packets_per_second" not in page
    assert any(name == "panoptes_device_info" for name, _ in found)


def test_states_are_statesets_in_openmetrics():
    page = latest(gauge(row="a", states={"door": "up"}), gauge(row="b", states={"door": "down"})).page(
        Page.OPENMETRICS, lambda row: row.row == "a"
    )
    (family,) = [one for one in openmetrics(page) if one.name == "panoptes_interface_door"]
    assert family.type == "stateset"
    assert {one.labels[family.name]: one.value for one in family.samples} == {"up": 1.0, "down": 0.0}


def test_an_older_record_changes_nothing():
    later, older = gauge(gauges={"octets_in": 2.0}), gauge(time_ms=1, gauges={"octets_in": 1.0})
    page = latest(later, older).page(Page.TEXT, lambda _row: True)
    assert samples(page, Page.TEXT)[NAME, tuple(sorted(KEYS.items()))] == 2.0


def test_a_row_that_is_gone_or_silent_is_left_out():
    both = latest(
        gauge(row="a"), gauge(row="b"), gauge(row="a", gauges={}, states={}, missing={"octets_in": "row-gone"})
    )
    assert both.rows == 1
    both.forget_old(gauge().time_ms + 180_000)
    assert both.rows == 1
    both.forget_old(gauge().time_ms + 180_001)
    assert both.rows == 0


def test_rows_beyond_the_most_are_counted_and_left_out():
    found = latest(*(gauge(row=str(at)) for at in range(5)), gauge(row="0"), most_rows=3)
    assert (found.rows, found.left_out) == (3, 2)


@pytest.mark.parametrize(("value", "text"), [(math.inf, "+Inf"), (-math.inf, "-Inf"), (1e300, "1e+300"), (3.0, "3.0")])
def test_numbers_are_written_as_the_formats_have_them(value, text):
    page = latest(gauge(gauges={"octets_in": value})).page(Page.TEXT, lambda _row: True)
    assert f" {text}\n" in page


@settings(max_examples=25, deadline=None)
@given(st.lists(records_of("gauge"), max_size=4), st.sampled_from(Page))
def test_any_page_can_be_parsed(records, form):
    named = [{name: getattr(one, name) for name in Gauge.__dataclass_fields__} for one in records]
    page = latest(*(gauge(**{**one, "group": "g", "units": {}}) for one in named)).page(form, lambda _row: True)
    assert len(samples(page, form)) <= len(page.splitlines())
    assert page.endswith("# EOF\n") or form is Page.TEXT
