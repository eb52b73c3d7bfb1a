"""Pages to be scraped are what Prometheus' own parsers read."""

import math
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from schemas.records import Gauge
from streams.sinks.encoding.exposition import Exposition, Page
from streams.sinks.encoding.latest import Asked, LatestRows
from streams.sinks.naming.labels import Labels
from streams.sinks.naming.mib_names import MibLabels, MibNames
from streams.sinks.naming.names import Names
from streams.sinks.reading.counters import Counters
from streams.sinks.reading.gauges import GaugeReader
from streams.sinks.reading.statuses import Statuses
from tests.contract.sinks.stores import require
from tests.examples import examples
from tests.strategies import records_of
from tests.unit.sinks.gauges import HEADER, decode, encode, gauge
from tests.unit.sinks.reading.test_counters import sample, status

PARSERS = {Page.OPENMETRICS: openmetrics, Page.TEXT: plain}
NAME = "panoptes_interface_octets_in_bytes_per_second"
KEYS = {"site": "fra1", "device": "sw1.fra1", "row": "Gi0/1"}


def latest(*records: Gauge, most_rows: int = 1000) -> LatestRows:
    found = LatestRows(Names(), most_rows)
    reader = GaugeReader(HEADER, decode, lambda _row: True)
    for one in records:
        found.take(reader.read([encode(one)])[0])
    return found


def page(of: LatestRows, form: Page, asked: Asked = Asked()) -> str:  # noqa: B008 - it is a value
    return Exposition(Names(), Labels()).page(form, of.chosen(asked), of.values)


def samples(text: str, form: Page) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in PARSERS[form](text)
        for one in family.samples
    }


@pytest.mark.parametrize("form", Page)
def test_a_page_has_the_last_number_of_each_row(form):
    made = page(latest(gauge(), gauge(time_ms=gauge().time_ms + 1, gauges={"octets_in": 7.5})), form)
    found = samples(made, form)
    assert found[NAME, tuple(sorted(KEYS.items()))] == 7.5
    assert "panoptes_interface_errors_in_packets_per_second" not in made
    assert any(name == "panoptes_device_info" for name, _ in found)


def test_states_are_statesets_in_openmetrics():
    both = latest(
        gauge(row="a", states={"door": "up"}),
        gauge(row="b", states={"door": "down"}, resource="fra1|network|switch|cisco|sw2"),
    )
    made = page(both, Page.OPENMETRICS, Asked(devices=frozenset({"sw1.fra1"})))
    (family,) = [one for one in openmetrics(made) if one.name == "panoptes_interface_door"]
    assert family.type == "stateset"
    assert {one.labels[family.name]: one.value for one in family.samples} == {"up": 1.0, "down": 0.0}


def test_an_older_record_changes_nothing():
    later, older = gauge(gauges={"octets_in": 2.0}), gauge(time_ms=1, gauges={"octets_in": 1.0})
    assert samples(page(latest(later, older), Page.TEXT), Page.TEXT)[NAME, tuple(sorted(KEYS.items()))] == 2.0


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
    assert f" {text}\n" in page(latest(gauge(gauges={"octets_in": value})), Page.TEXT)


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(records_of("gauge"), max_size=4), st.sampled_from(Page))
def test_any_page_can_be_parsed(records, form):
    named = [{name: getattr(one, name) for name in Gauge.__dataclass_fields__} for one in records]
    made = page(latest(*(gauge(**{**one, "group": "g", "units": {}}) for one in named)), form)
    assert len(samples(made, form)) <= len(made.splitlines())
    assert made.endswith("# EOF\n") or form is Page.TEXT


def test_a_device_that_left_is_forgotten_and_what_is_asked_for_is_found_by_site_device_and_group():
    found = latest(
        *(
            gauge(resource=f"{site}|network|switch|cisco|{device}", group=group)
            for site in ("fra1", "ber1")
            for device in ("sw1", "sw2")
            for group in ("interface", "cpu")
        )
    )

    def chosen(**asked: str) -> set[tuple[str, str]]:
        several = Asked(**{name: frozenset(value.split()) for name, value in asked.items()})
        return {
            (last.row.resource.replace("|network|switch|cisco|", " "), last.row.group) for last in found.chosen(several)
        }

    assert len(chosen()) == 8
    assert chosen(sites="ber1", devices="sw2", groups="cpu") == {("ber1 sw2", "cpu")}
    assert {name for name, _ in chosen(devices="sw1 sw2 sw3", groups="cpu")} == {
        "fra1 sw1", "fra1 sw2", "ber1 sw1", "ber1 sw2",
    }  # fmt: skip
    found.forget("ber1|network|switch|cisco|sw2")
    assert chosen(sites="ber1", devices="sw2") == set()
    assert (found.rows, len(found.devices())) == (6, 3)


def test_counters_are_counters_and_polls_are_rows_without_infos():
    found = LatestRows(Names(), 10)
    found.take(Counters().blocks([sample()], lambda _row: True))
    found.take(Statuses().blocks([status()], lambda _row: True))
    for form in Page:
        families = {one.name: one for one in PARSERS[form](page(found, form))}
        assert families["panoptes_interface_octets_in_bytes"].type == "counter"
        assert families["panoptes_poll_retries"].type == "gauge"
        assert "panoptes_poll_row_info" not in families
    mib = Exposition(MibNames(), MibLabels("snmp")).page(Page.OPENMETRICS, found.chosen(Asked()), found.values)
    assert {one.name: one.type for one in openmetrics(mib)}["ifHCInOctets"] == "unknown"


def test_promtool_finds_nothing_wrong_with_a_page():
    found = latest(gauge(), gauge(row="Gi0/2", states={"oper_state": "down"}))
    found.take(Counters().blocks([sample()], lambda _row: True))
    checked = subprocess.run(  # noqa: S603 - Prometheus' own
        [require("promtool", "prometheus"), "check", "metrics"],
        input=page(found, Page.TEXT),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
