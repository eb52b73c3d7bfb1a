"""The newest gauge of each row and the memory of earlier ones: repeats are harmless, sizes are bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import to_avro
from schemas.records import Gauge
from streams.console.models.ring import POINT_BYTES, Ring
from streams.console.models.rows import Rows


def gauge(row: str = "Gi1", slot: int = 60, octets: float | None = 5.0, missing: str = "", device: str = "a") -> Gauge:
    return Gauge(
        site="s",
        resource=f"s|network|switch|t|{device}",
        endpoint="192.0.2.1:161",
        job="snmp/generic/60",
        group="interface",
        row=row,
        interval_s=60,
        dimensions={"alias": "to\x00b", "name": row},
        labels={"role": "leaf"},
        units={"octets_in": "B/s"},
        slot=slot,
        time_ms=slot * 1000 + 500,
        duration_s=None if octets is None else 60.0,
        gauges={} if octets is None else {"octets_in": octets, "speed_bits_per_s": 1e9},
        states={"oper_state": "up"},
        missing={"octets_in": missing} if missing else {},
        confidence={},
        counters={},
    )


def taken(*gauges: Gauge) -> Rows:
    rows = Rows(2**16)
    for each in gauges:
        rows.take(to_avro(each))
    return rows


def test_what_comes_out_is_the_record_that_went_in():
    assert taken(gauge()).of("s|network|switch|t|a") == [gauge()]
    assert taken(gauge(octets=None, missing="reset")).of("s|network|switch|t|a") == [
        gauge(octets=None, missing="reset")
    ]


@given(st.permutations([gauge(slot=60), gauge(slot=60), gauge(slot=120, octets=7.0), gauge(slot=180, octets=9.0)]))
def test_the_newest_stays_whatever_the_order(gauges):
    assert taken(*gauges).of("s|network|switch|t|a") == [gauge(slot=180, octets=9.0)]


def test_the_busiest_come_first_and_a_device_that_left_is_not_among_them():
    rows = taken(gauge("Gi1", octets=5), gauge("Gi2", octets=9), gauge("Gi1", octets=7, device="b"))
    assert [(each.resource[-1], each.row) for each in rows.busiest(2)] == [("a", "Gi2"), ("b", "Gi1")]
    rows.forget("s|network|switch|t|a")
    assert [(each.resource[-1], each.row) for each in rows.busiest(9)] == [("b", "Gi1")]


def test_a_row_that_is_gone_is_forgotten_and_its_number_is_anothers():
    rows = taken(gauge("Gi1"), gauge("Gi1", slot=120, octets=None, missing="row-gone"), gauge("Gi2", slot=120))
    assert [each.row for each in rows.of("s|network|switch|t|a")] == ["Gi2"]
    assert rows.points("s|network|switch|t|a", "interface", "Gi2", "octets_in") == [(120, 5.0)]


def test_memory_keeps_the_newest_points_and_no_more_than_it_may():
    ring = Ring(10 * POINT_BYTES)
    for slot in range(100):
        ring.add(slot % 2, slot, [("octets_in", float(slot))])
    assert len(ring) == 10
    assert ring.oldest_slot == 90
    assert ring.points(0, "octets_in") == [(slot, float(slot)) for slot in range(90, 100, 2)]


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("ab")), max_size=60), st.integers(1, 20))
def test_memory_holds_just_the_last_points_of_every_row(written, most):
    ring = Ring(most * POINT_BYTES)
    for slot, (row, name) in enumerate(written):
        ring.add(row, slot, [(name, 1.0)])
    kept = list(enumerate(written))[-most:]
    for row in range(5):
        for name in "ab":
            assert ring.points(row, name) == [(slot, 1.0) for slot, each in kept if each == (row, name)]


@pytest.mark.parametrize("rows", [pytest.param(3_000, id="more-than-the-first-columns-hold")])
def test_many_rows(rows):
    found = taken(*(gauge(f"Gi{number}", octets=number + 1.0) for number in range(rows)))
    assert len(found) == rows
    assert [each.row for each in found.busiest(1)] == [f"Gi{rows - 1}"]
