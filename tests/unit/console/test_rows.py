"""The newest gauge of each row and the memory of earlier ones: repeats are harmless, sizes are bounded."""

import io
from dataclasses import replace

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import parsed_schema, to_avro
from schemas.errors import RecordError
from schemas.records import Gauge
from streams.console.models.ring import PIECES, Ring, sample_bytes
from streams.console.models.rows import RowStore
from streams.console.pages.band import band


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


def taken(*gauges: Gauge) -> RowStore:
    rows = RowStore(2**16)
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


def test_memory_keeps_the_newest_samples_and_no_more_than_it_may():
    ring = Ring(PIECES * 2 * sample_bytes(1))
    for slot in range(1000):
        ring.add(slot % 2, slot, ("octets_in",), (float(slot),))
    assert PIECES * 2 - 2 < len(ring) <= PIECES * 2
    assert ring.oldest_slot == 1000 - len(ring)
    assert ring.points(0, "octets_in") == [(slot, float(slot)) for slot in range(1000 - len(ring), 1000, 2)]
    Ring(0).add(1, 1, ("octets_in",), (1.0,))


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["a", "b", "ab"])), max_size=200), st.integers(1, 3))
def test_memory_holds_just_the_last_samples_of_every_row(written, samples):
    ring = Ring(PIECES * samples * sample_bytes(2))
    for slot, (row, names) in enumerate(written):
        ring.add(row, slot, tuple(names), (1e300,) * len(names))
    kept = list(enumerate(written))[len(written) - len(ring) :]
    assert len(ring) >= min(len(written), (PIECES - 1) * samples)
    for row in range(5):
        for name in "ab":
            found = [slot for slot, each in kept if each[0] == row and name in each[1]]
            assert [slot for slot, _ in ring.points(row, name)] == found


def test_states_are_remembered_from_their_first_change_on():
    rows = taken(gauge("Gi1"), gauge("Gi1", slot=120))
    place = ("s|network|switch|t|a", "interface", "Gi1")
    assert list(rows.changes(*place)) == []
    rows.take(to_avro(replace(gauge("Gi1", slot=180), states={"oper_state": "down"})))
    rows.take(to_avro(gauge("Gi1", slot=240)))
    told = [(change.slot, dict(change.states)["oper_state"]) for change in rows.changes(*place)]
    assert told == [(120, "up"), (180, "down"), (240, "up")]
    pieces = band(rows.changes(*place), {}, 150, 250)
    assert [(piece.word, piece.start, piece.length) for piece in pieces] == [
        ("up", 0, 300), ("down", 300, 600), ("up", 900, 100),
    ]  # fmt: skip
    assert [piece.word for piece in band((), {"oper_state": "up"}, 0, 9)] == ["up"]


HEADER = b"\0\0\0\0\1"


def octets_of(each: Gauge) -> bytes:
    body = io.BytesIO()
    body.write(HEADER)
    fastavro.schemaless_writer(body, parsed_schema("gauge"), to_avro(each))
    return body.getvalue()


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["Gi1", "Gi2"]), st.sampled_from([60, 120, 180]),
                  st.sampled_from(["up", "down"]), st.sampled_from(["", "row-gone", "reset"]), st.booleans()),
        max_size=30,
    )
)  # fmt: skip
def test_bytes_whose_front_is_recognised_say_what_the_record_says(told):
    whole, parts = RowStore(2**16), RowStore(2**16)
    for device, row, slot, state, missing, renamed in told:
        each = gauge(row, slot, None if missing else 5.0, missing, device)
        each = replace(each, states={"oper_state": state}, labels={"role": "spine"} if renamed else each.labels)
        assert parts.take_bytes(octets_of(each)) == whole.take(to_avro(each))
    for device in "ab":
        identity = f"s|network|switch|t|{device}"
        assert parts.of(identity) == whole.of(identity)
    assert (parts.troubles(), len(parts)) == (whole.troubles(), len(whole))


@pytest.mark.parametrize("cut", [3, 40, -1])
def test_half_a_gauge_is_no_record(cut):
    rows = RowStore(2**16)
    rows.take_bytes(octets_of(gauge()))
    rows.take_bytes(octets_of(gauge(slot=120)))
    for octets in (octets_of(gauge(slot=180))[:cut], octets_of(gauge(slot=180)) + b"x"):
        with pytest.raises(RecordError):
            rows.take_bytes(octets)
    assert [each.slot for each in rows.of("s|network|switch|t|a")] == [120]


def test_a_port_that_goes_down_is_wrong_and_one_that_nobody_uses_is_not():
    down = {"states": {"admin_state": "up", "oper_state": "down"}}
    rows = taken(gauge("Gi1"), replace(gauge("Gi1", slot=120), **down), replace(gauge("Gi2", slot=120), **down))
    assert [(each.row, each.word, each.since_ms) for each in rows.troubles()] == [("Gi1", "down", 120_000)]
    rows.take(to_avro(replace(gauge("Gi1", slot=180), **down)))
    assert [each.since_ms for each in rows.troubles()] == [120_000]
    rows.take(to_avro(gauge("Gi1", slot=240)))
    assert rows.troubles() == []


@pytest.mark.parametrize("rows", [pytest.param(3_000, id="more-than-the-first-columns-hold")])
def test_many_rows(rows):
    found = taken(*(gauge(f"Gi{number}", octets=number + 1.0) for number in range(rows)))
    assert len(found) == rows
    assert [each.row for each in found.busiest(1)] == [f"Gi{rows - 1}"]
