"""Newer stores, and an OpenTelemetry collector, have what the sinks write: `make test-receivers`.

What Debian's stores are asked in tests/contract/sinks, newer ones are asked too.
"""

import json
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest

from pollers.plugins.batch import Written
from streams.sinks.senders import agent_influx, agent_otlp
from tests.contract.sinks.test_stores import (
    NAME,
    ask,
    begin_ms,
    device,
    expected,
    polls,
    test_a_database_that_is_not_there_is_waited_for,
    test_a_device_that_left_or_fell_silent_ends_its_series_at_once,
    test_a_place_that_takes_no_writes_is_told,
    test_a_row_that_is_gone_ends_its_series_at_once,
    test_influxdb_gives_back_what_was_written,
    test_influxdb_names_a_field_that_it_will_not_have_and_takes_the_others,
    test_infos_can_be_joined_at_any_time,
    test_repeats_do_no_harm,
    test_snmp_exporters_names_are_counters_with_its_labels,
    test_what_was_written_is_read_back,
    write,
)
from tests.receivers.conftest import Collector

#: what is asked of these stores as of Debian's
__all__ = (
    "begin_ms",
    "device",
    "test_a_database_that_is_not_there_is_waited_for",
    "test_a_device_that_left_or_fell_silent_ends_its_series_at_once",
    "test_a_place_that_takes_no_writes_is_told",
    "test_a_row_that_is_gone_ends_its_series_at_once",
    "test_influxdb_gives_back_what_was_written",
    "test_influxdb_names_a_field_that_it_will_not_have_and_takes_the_others",
    "test_infos_can_be_joined_at_any_time",
    "test_repeats_do_no_harm",
    "test_snmp_exporters_names_are_counters_with_its_labels",
    "test_what_was_written_is_read_back",
)

WITHIN_S: Final = 20.0
NO_VALUE: Final = 1  #: of a point's flags


async def test_influxdbs_second_address_gives_back_what_was_written(influx, device, begin_ms):
    records = polls(device, begin_ms, range(20))
    options = {"url": influx.url, "version": "2", "org": "noc", "bucket": "panoptes/autogen"}
    assert await write(agent_influx.create, records, **options) == Written(2 * len(records))
    query = f"SELECT octets_in_bytes_per_second, row FROM panoptes_interface WHERE device = '{device}'"  # noqa: S608 - our own
    answer = await ask(influx, "/query", db="panoptes", q=query, epoch="ms")
    (series,) = answer["results"][0]["series"]
    found = {(row, at_ms): value for at_ms, value, row in series["values"]}
    assert found == pytest.approx(expected(records, "octets_in"), rel=1e-9)


async def test_a_collector_has_every_number_and_the_ends_of_series(otel, device, begin_ms):
    records = polls(device, begin_ms, range(20))
    (last,) = polls(device, begin_ms, [20])[:1]
    missing = dict.fromkeys((*last.gauges, *last.states), "row-gone")
    fields = {"gauges": {}, "states": {}, "missing": missing, "duration_s": None}
    gone = polls(device, begin_ms, [20], **fields)[0]
    written = await write(agent_otlp.create, [*records, gone], url=otel.url)
    assert (written.stored, written.refused) == (2 * len(records), ())
    ended = {(gone.row, gone.time_ms)}
    found = _points(otel, NAME, len(records) + 1)
    values = {place: point["asDouble"] for place, point in found.items() if point.get("flags", 0) != NO_VALUE}
    assert values == pytest.approx(expected(records, "octets_in"), rel=1e-9)
    assert {place for place, point in found.items() if point.get("flags", 0) == NO_VALUE} == ended


def _points(otel: Collector, name: str, least: int) -> dict[tuple[str, int], dict[str, Any]]:
    """Return the points of a metric that the collector wrote down, by row and time, once there are so many."""
    deadline_s = time.monotonic() + WITHIN_S
    while len(found := dict(_written(otel, name))) < least and time.monotonic() < deadline_s:
        time.sleep(0.1)
    return found


def _written(otel: Collector, name: str) -> Iterator[tuple[tuple[str, int], dict[str, Any]]]:
    text = otel.lines.read_text() if otel.lines.exists() else ""
    for line in text.splitlines()[: text.count("\n")]:
        for part in json.loads(line)["resourceMetrics"]:
            shared = _attributes(part.get("resource", {}))
            for metric in (metric for scope in part["scopeMetrics"] for metric in scope["metrics"]):
                for point in metric["gauge"]["dataPoints"] if metric["name"] == name else ():
                    labels = shared | _attributes(point)
                    yield (labels["row"], int(point["timeUnixNano"]) // 10**6), point


def _attributes(of: dict[str, Any]) -> dict[str, str]:
    return {one["key"]: one["value"]["stringValue"] for one in of.get("attributes", ())}
