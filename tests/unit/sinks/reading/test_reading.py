"""Gauges that are read column by column are those that fastavro reads one by one."""

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollers.plugins.batch import Block
from schemas.errors import RecordError
from schemas.records import Gauge
from streams.sinks.reading.gauges import GaugeReader
from tests.examples import examples
from tests.strategies import records_of
from tests.unit.sinks.gauges import HEADER, decode, encode, gauge

OTHER_HEADER = b"\0\0\0\0\7"


def reader(wanted=lambda _row: True) -> GaugeReader:
    return GaugeReader(HEADER, decode, wanted)


def flat(blocks: list[Block]) -> list[Gauge]:
    """Return the gauges of blocks, one by one, in the blocks' order."""
    return [
        Gauge(
            **{name: getattr(row, name) for name in ("site", "resource", "endpoint", "job", "group", "row")},
            interval_s=row.interval_s,
            dimensions=row.dimensions,
            labels=row.labels,
            **({"units": row.units} if "units" in Gauge.__dataclass_fields__ else {}),
            slot=int(block.slots[at]),
            time_ms=int(block.times_ms[at]),
            duration_s=None if math.isnan(block.durations_s[at]) else float(block.durations_s[at]),
            gauges=dict(zip(block.names, block.numbers[at].tolist(), strict=True)),
            **block.words[at]._asdict(),
        )
        for block in blocks
        for at, row in enumerate(block.rows)
    ]


def by_row(gauges: list[Gauge]) -> dict[tuple[object, ...], list[Gauge]]:
    found: dict[tuple[object, ...], list[Gauge]] = {}
    for one in gauges:
        found.setdefault(_front(one), []).append(one)
    return found


def _front(one: Gauge) -> tuple[object, ...]:
    labels = (tuple(one.dimensions.items()), tuple(one.labels.items()))
    units = tuple(getattr(one, "units", {}).items())
    return (one.site, one.resource, one.endpoint, one.job, one.group, one.row, one.interval_s, labels, units)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(records_of("gauge"), max_size=8), st.data())
def test_any_gauges_in_any_order_read_twice_are_those_that_were_written(records, data):
    several = data.draw(st.lists(st.sampled_from(records), max_size=30)) if records else []
    records = [one for one in [*records, *several] if one.duration_s is None or not math.isnan(one.duration_s)]
    one_reader = reader()
    for _ in range(2):
        blocks, bad = one_reader.read([encode(record) for record in records])
        assert bad == []
        assert by_row(flat(blocks)) == by_row(records)


def test_a_rows_later_records_stand_in_later_blocks_whatever_they_have():
    first = gauge(slot=60, gauges={"a": 1.0, "b": 2.0})
    second = gauge(slot=120, gauges={"a": 1.5}, missing={"b": "reboot"})
    third = gauge(slot=180, gauges={"a": 2.0, "b": 2.5})
    blocks, _ = reader().read([encode(one) for one in (first, second, third)])
    assert flat(blocks) == [first, second, third]


def test_equal_rows_of_a_poll_make_one_block_with_the_same_row_object_each_time():
    one_reader = reader()
    polls = [
        [gauge(row=f"Gi0/{port}", slot=slot, gauges={"a": 1.0 * port}) for port in range(48)] for slot in (60, 120)
    ]
    (first,), _ = one_reader.read([encode(one) for one in polls[0]])
    (second,), _ = one_reader.read([encode(one) for one in polls[1]])
    assert all(before is now for before, now in zip(first.rows, second.rows, strict=True))
    assert second.numbers[:, 0].tolist() == [1.0 * port for port in range(48)]
    assert one_reader.rows == 48


def test_rows_that_are_not_wanted_are_left_out():
    blocks, bad = reader(lambda row: row.row != "Null0").read([encode(gauge(row=row)) for row in ("Null0", "Gi0/1")])
    assert [row.row for block in blocks for row in block.rows] == ["Gi0/1"]
    assert bad == []


def test_a_record_of_another_schema_is_decoded_in_general():
    value = OTHER_HEADER + encode(gauge())[5:]

    def decode_other(octets: bytes) -> Gauge:
        assert octets[:5] == OTHER_HEADER
        return decode(HEADER + octets[5:])

    blocks, bad = GaugeReader(HEADER, decode_other, lambda _row: True).read([value, encode(gauge(slot=120))])
    assert [one.slot for one in flat(blocks)] == [gauge().slot, 120]
    assert bad == []


def test_maps_of_several_blocks_are_right_avro_and_are_read():
    record = gauge(gauges={"a": 1.0, "b": 2.0}, states={"oper_state": "up"})
    value = encode(record)
    name_b, one, two = b"\x02b", struct.pack("<d", 1.0), struct.pack("<d", 2.0)
    whole = b"\x04\x02a" + one + name_b + two + b"\0"
    assert value.count(whole) == 1
    # the first block as it is, the second with a negative count and its size
    parts = b"\x02\x02a" + one + b"\x01\x14" + name_b + two + b"\0"
    blocks, bad = reader().read([value.replace(whole, parts)])
    assert flat(blocks) == [record]
    assert bad == []


@pytest.mark.parametrize("cut", [0, 1, 5, 20, 60, -1])
def test_bytes_that_are_no_record_are_named_and_the_others_are_read(cut):
    values = [encode(gauge(slot=60)), encode(gauge(slot=120))[:cut], encode(gauge(slot=180))]
    blocks, bad = reader().read(values)
    assert [one.slot for one in flat(blocks)] == [60, 180]
    assert [one.position for one in bad] == [1]


@settings(max_examples=examples(150), deadline=None)
@given(st.integers(0, 400), st.integers(0, 255))
def test_a_changed_byte_gives_what_fastavro_gives(at, octet):
    one_reader = reader()
    good = encode(gauge(gauges={"a": 1.0, "b": 2.0}, states={"oper_state": "up"}))
    one_reader.read([good])
    value = bytearray(good)
    value[at % (len(good) - 5) + 5] = octet
    blocks, bad = one_reader.read([bytes(value)])
    try:
        expected = [decode(bytes(value))]
    except RecordError:
        expected = []
    got = flat(blocks)
    assert len(bad) == 1 - len(expected)
    assert [encode(one) for one in got] == [encode(one) for one in expected]
