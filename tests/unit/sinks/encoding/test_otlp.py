"""OTLP as our encoder writes it is read by the published protobuf classes, point by point."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE, DataPointFlags

from pollers.plugins.batch import Block
from schemas.records import CounterColumn, DimensionColumn, Gauge, RawCounters
from streams.sinks.encoding.otlp import Otlp, rejected, series_of
from streams.sinks.naming.labels import Labels
from streams.sinks.naming.names import Names
from streams.sinks.reading.counters import Counters
from streams.sinks.reading.gauges import GaugeReader
from tests.examples import examples
from tests.strategies import records_of
from tests.unit.sinks.gauges import HEADER, IDENTITY, decode, encode, gauge

KEYS = {"site": "fra1", "device": "sw1.fra1", "row": "Gi0/1"}
BOOTED_MS = 1_699_000_000_000


def parsed(octets: bytes) -> list[tuple[str, Any, Any]]:
    """Return name, metric and point of everything in a request."""
    request = ExportMetricsServiceRequest.FromString(octets)
    metrics = [one for part in request.resource_metrics for scope in part.scope_metrics for one in scope.metrics]
    return [(one.name, one, point) for one in metrics for point in (*one.gauge.data_points, *one.sum.data_points)]


def attributes(point: Any) -> dict[str, str]:
    return {one.key: one.value.string_value for one in point.attributes}


def octets(*records: Gauge) -> bytes:
    blocks, _ = GaugeReader(HEADER, decode, lambda _row: True).read([encode(one) for one in records])
    return encoded(blocks)


def encoded(blocks: list[Block]) -> bytes:
    return b"".join(one.octets for one in Otlp(Names(), Labels()).encode(blocks))


def sample(minute: int, values: list[int], **changes: Any) -> RawCounters:
    polled_at_ms = 1_700_000_000_000 + 60_000 * minute
    fields: dict[str, Any] = {
        "resource": IDENTITY,
        "site": "fra1",
        "endpoint": "192.0.2.1",
        "labels": {},
        "job": "interfaces/cisco-ios/60",
        "group": "interface",
        "interval_s": 60,
        "index": [f"Gi0/{at + 1}" for at in range(len(values))],
        "dimensions": [DimensionColumn(name="alias", values=["x"] * len(values))],
        "slot": polled_at_ms // 1000,
        "polled_at_ms": polled_at_ms,
        "uptime_cs": (polled_at_ms - BOOTED_MS) // 10,
        "counters": [CounterColumn(name="octets_in", width=64, unit="octets", values=values)],
        **changes,
    }
    return RawCounters(**fields)


def sums(counters: Counters, one: RawCounters) -> list[tuple[int, int, float]]:
    """Return start and time, both in milliseconds, and value of every sum."""
    found = parsed(encoded(counters.blocks([one], lambda _row: True)))
    assert {metric.sum.aggregation_temporality for _, metric, _ in found} == {AGGREGATION_TEMPORALITY_CUMULATIVE}
    assert all(metric.sum.is_monotonic for _, metric, _ in found)
    return [
        (point.start_time_unix_nano // 10**6, point.time_unix_nano // 10**6, point.as_double) for _, _, point in found
    ]


def test_numbers_are_gauges_with_base_units():
    found = {name: (metric, point) for name, metric, point in parsed(octets(gauge()))}
    metric, point = found["panoptes_interface_octets_in_bytes_per_second"]
    assert (metric.unit, point.as_double, attributes(point)) == ("bytes", 1.25e6, KEYS)
    assert point.time_unix_nano == gauge().time_ms * 10**6
    assert attributes(found["panoptes_interface_row_info"][1])["alias"] == "to the core"


def test_what_is_missing_has_a_point_without_a_value():
    found = {name: point for name, _, point in parsed(octets(gauge(gauges={}, missing={"errors_in": "reboot"})))}
    point = found["panoptes_interface_errors_in_packets_per_second"]
    assert point.flags == DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK


def test_a_start_stays_until_the_device_is_started_again():
    counters = Counters()
    starts = [sums(counters, sample(minute, [100 * minute + 1]))[0][0] for minute in range(3)]
    assert starts == [BOOTED_MS] * 3
    rebooted = sample(3, [5], uptime_cs=1_000)
    assert sums(counters, rebooted) == [(rebooted.polled_at_ms - 10_000, rebooted.polled_at_ms, 5.0)]


def test_a_counter_that_falls_by_itself_starts_anew_and_the_others_go_on():
    counters = Counters()
    sums(counters, sample(0, [100, 100]))
    fell = sample(1, [50, 200])
    starts = [start for start, _, _ in sums(counters, fell)]
    assert starts == [sample(0, []).polled_at_ms, BOOTED_MS]
    assert [start for start, _, _ in sums(counters, sample(2, [60, 300]))] == starts
    assert [start for start, _, _ in sums(counters, fell)] == starts


def test_a_sample_that_comes_again_starts_nothing_anew():
    counters = Counters()
    first, second = sample(0, [100]), sample(1, [200])
    sums(counters, first)
    sums(counters, second)
    assert [start for start, _, _ in sums(counters, first)] == [BOOTED_MS]


def test_counters_past_63_bits_are_positive():
    assert sums(Counters(), sample(0, [-1]))[0][2] == float(2**64 - 1)


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(records_of("gauge"), max_size=4))
def test_every_number_is_a_point_of_its_own(records):
    fields = [{name: getattr(one, name) for name in Gauge.__dataclass_fields__} for one in records]
    changed = [
        gauge(
            **{
                **one,
                "time_ms": one["time_ms"] % 2**42,
                "units": {},
                "group": "g",
                "gauges": {f"m{at}": value for at, value in enumerate(one["gauges"].values())},
                "states": {f"s{at}": value for at, value in enumerate(one["states"].values())},
            }
        )
        for one in fields
    ]
    whole = octets(*changed)
    found = parsed(whole)
    wanted = sorted(value for one in changed for value in one.gauges.values())
    assert sorted(point.as_double for name, _, point in found if name.startswith("panoptes_g_m")) == wanted
    states = {point.as_double for name, _, point in found if name.startswith("panoptes_g_s")}
    assert states <= {0.0, 1.0}
    assert [one[0] for one in parsed(b"".join(part for _, part in series_of(whole)))] == [one[0] for one in found]


def test_what_a_good_answer_refuses_is_read():
    partial = ExportMetricsPartialSuccess(rejected_data_points=7, error_message="no room")
    answer = ExportMetricsServiceResponse(partial_success=partial).SerializeToString()
    assert rejected(answer) == (7, "no room")
    assert rejected(b"") == (0, "")
    assert rejected(b'{"partialSuccess":{}}') == (0, "")
