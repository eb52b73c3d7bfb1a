"""Raw counters and poll statuses become blocks like any other, and snmp_exporter's names where they are asked for."""

from typing import Any

from pollers.plugins.batch import Row
from schemas.records import CounterColumn, DimensionColumn, MissingCells, Outcome, PollStatus, RawCounters
from streams.sinks.encoding.remote_write import RemoteWrite
from streams.sinks.naming.labels import Labels
from streams.sinks.naming.mib_names import MibLabels, MibNames
from streams.sinks.naming.names import Names
from streams.sinks.reading.counters import Counters
from streams.sinks.reading.gauges import GaugeReader
from streams.sinks.reading.statuses import Statuses
from tests.unit.sinks.gauges import HEADER, IDENTITY, decode, encode, gauge
from tests.unit.sinks.prometheus import Sample, samples

AT_MS = 1_700_000_000_000


def anything(_row: Row) -> bool:
    return True


def sample(**changes: Any) -> RawCounters:
    fields: dict[str, Any] = {
        "resource": IDENTITY,
        "site": "fra1",
        "endpoint": "192.0.2.1",
        "labels": {"rack": "r7"},
        "job": "interfaces/cisco-ios/60",
        "group": "interface",
        "interval_s": 60,
        "index": ["Gi0/1", "Null0"],
        "dimensions": [
            DimensionColumn(name="if_index", values=["10101", "1"]),
            DimensionColumn(name="name", values=["Gi0/1", "Nu0"]),
            DimensionColumn(name="alias", values=["core", ""]),
            DimensionColumn(name="description", values=["GigabitEthernet0/1", "Null0"]),
        ],
        "slot": AT_MS // 1000,
        "polled_at_ms": AT_MS,
        "offsets_ms": [5, 6],
        "counters": [
            CounterColumn(name="octets_in", width=64, unit="octets", values=[7, 8]),
            CounterColumn(name="errors_in", width=32, unit="packets", values=[1, 0]),
        ],
        **changes,
    }
    return RawCounters(**fields)


def status(**changes: Any) -> PollStatus:
    fields: dict[str, Any] = {
        "resource": IDENTITY,
        "site": "fra1",
        "endpoint": "192.0.2.1",
        "job": "interfaces/cisco-ios/60",
        "slot": AT_MS // 1000,
        "interval_s": 60,
        "outcome": Outcome.SUCCESS,
        "reason": "",
        "started_at_ms": AT_MS,
        "lateness_ms": 10,
        "duration_ms": 250,
        "packets_sent": 9,
        "retries": 1,
        "values": 96,
        "worker": "host:1",
        **changes,
    }
    return PollStatus(**fields)


def written(encoder: RemoteWrite, *of: RawCounters, wanted=anything) -> list[Sample]:
    blocks = Counters().blocks(of, wanted)
    return samples(b"".join(one.octets for one in encoder.encode(blocks)))


def told(found: list[Sample]) -> dict[tuple[str, str], tuple[int, float]]:
    return {(one.name, dict(one.labels)["row"]): (one.at_ms, one.value) for one in found if "info" not in one.name}


def test_counters_are_totals_at_the_time_of_their_row():
    assert told(written(RemoteWrite(Names(), Labels()), sample())) == {
        ("panoptes_interface_octets_in_bytes_total", "Gi0/1"): (AT_MS + 5, 7.0),
        ("panoptes_interface_octets_in_bytes_total", "Null0"): (AT_MS + 6, 8.0),
        ("panoptes_interface_errors_in_packets_total", "Gi0/1"): (AT_MS + 5, 1.0),
        ("panoptes_interface_errors_in_packets_total", "Null0"): (AT_MS + 6, 0.0),
    }


def test_a_cell_that_is_missing_is_no_number():
    missing = [MissingCells(column="octets_in", reason="no-such-instance", rows=[1])]
    found = told(written(RemoteWrite(Names(), Labels()), sample(missing=missing)))
    assert ("panoptes_interface_octets_in_bytes_total", "Null0") not in found
    assert len(found) == 3


def test_rows_that_are_not_wanted_are_left_out():
    found = told(written(RemoteWrite(Names(), Labels()), sample(), wanted=lambda row: row.row != "Null0"))
    assert {row for _, row in found} == {"Gi0/1"}


def test_snmp_exporters_style_has_mib_names_and_its_labels_and_nothing_else():
    found = written(RemoteWrite(MibNames(), MibLabels("snmp")), sample())
    octets = {one.labels: one.value for one in found if one.name == "ifHCInOctets"}
    names = ("__name__", "ifAlias", "ifDescr", "ifIndex", "ifName", "instance", "job")
    values = ("ifHCInOctets", "core", "GigabitEthernet0/1", "10101", "Gi0/1", "192.0.2.1", "snmp")
    without_alias = tuple(zip(names, ("ifHCInOctets", "", "Null0", "1", "Nu0", "192.0.2.1", "snmp"), strict=True))
    assert octets == {
        tuple(zip(names, values, strict=True)): 7.0,
        tuple(pair for pair in without_alias if pair[1]): 8.0,
    }
    assert {one.name for one in found if "info" not in one.name} == {"ifHCInOctets", "ifInErrors"}


def test_a_poll_is_numbers_in_seconds_and_an_outcome():
    statuses = Statuses()
    blocks = statuses.blocks([status()], anything)
    encoder = RemoteWrite(Names(), Labels())
    encoder.encode(blocks)
    found = told(samples(encoder.encode(statuses.blocks([status(outcome=Outcome.TIMEOUT)], anything))[0].octets))
    row = "interfaces/cisco-ios/60"
    assert found["panoptes_poll_duration_seconds", row] == (AT_MS, 0.25)
    assert found["panoptes_poll_lateness_seconds", row] == (AT_MS, 0.01)
    assert found["panoptes_poll_retries", row] == (AT_MS, 1.0)
    (outcomes,) = (
        {
            dict(one.labels)["panoptes_poll_outcome"]: one.value
            for one in samples(pieces.octets)
            if "outcome" in one.name
        }
        for pieces in encoder.encode(statuses.blocks([status(outcome=Outcome.TIMEOUT)], anything))[:1]
    )
    assert outcomes == {"success": 0.0, "timeout": 1.0}


def test_statuses_of_resources_that_are_not_wanted_are_left_out():
    assert Statuses().blocks([status()], lambda row: row.site != "fra1") == []


def test_infos_do_not_flap_between_topics_that_name_the_same_row_and_device():
    encoder, statuses, counters = RemoteWrite(Names(), Labels()), Statuses(), Counters()
    reader = GaugeReader(HEADER, decode, anything)
    names = []
    for minute in range(3):
        at_ms = AT_MS + 60_000 * minute
        dimensions = {one.name: one.values[0] for one in sample().dimensions}
        blocks = [
            *reader.read([encode(gauge(time_ms=at_ms, dimensions=dimensions))])[0],
            *statuses.blocks([status(started_at_ms=at_ms + 1)], anything),
            *counters.blocks([sample(polled_at_ms=at_ms + 2)], lambda row: row.row == "Gi0/1"),
        ]
        names += [one.name for pieces in encoder.encode(blocks) for one in samples(pieces.octets) if "info" in one.name]
    assert names == ["panoptes_interface_row_info", "panoptes_device_info"]
