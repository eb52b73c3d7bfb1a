"""Records in, packed gauges and table entries out, across crashes, replays and damage."""

import contextlib
import gc
import io
import math
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import from_avro, parsed_schema, to_avro
from schemas.errors import BackendError, RecordError
from schemas.records import Gauge, RawCounters
from streams.gauges.converter import Converter, SchemaNeeded
from streams.gauges.fold.derived import parse
from streams.gauges.fold.plan import Rules
from streams.gauges.samples.state import StateEntry, StateError, entry_key, read_entry, write_entry
from streams.gauges.transforms.chain import LARGEST_GAUGE_BYTES, LARGEST_STATES_BYTES, Transform
from streams.pipeline import CHANGELOGS, TOPICS, Topic
from streams.runtime.kernel.effects import Write
from streams.runtime.kernel.table import Table
from tests.bench.gauges.polls import Load, key_of
from tests.bench.gauges.polls import encoded as polled
from tests.bench.gauges.polls import poll as polled_at
from tests.examples import examples
from tests.unit.gauges.making import T0_S, column, record
from tests.unit.gauges.test_properties import polls

KEY = b"lab|network|switch|acme|sw1"
RULES = Rules()


class Raw:
    """A serde that knows the ids 7 and 8, both ours; 9 after it was fetched; others are damage."""

    header = b"\0\0\0\0\7"

    def __init__(self) -> None:
        self.known = {7, 8}
        self.decoded = 0

    def decode(self, value: bytes) -> RawCounters:
        if value[4] not in self.known:
            raise BackendError("not fetched")
        self.decoded += 1
        try:
            datum: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed_schema("raw_counters"), None)
        except (EOFError, ValueError, IndexError) as error:
            raise RecordError(str(error)) from error
        return from_avro(RawCounters, datum)

    def encode(self, poll: RawCounters, schema_id: int = 7) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed_schema("raw_counters"), to_avro(poll))
        return bytes((0, 0, 0, 0, schema_id)) + out.getvalue()


class Gauges:
    header = b"\0\0\0\0\5"

    def encode(self, gauge: Gauge) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed_schema("gauge"), to_avro(gauge))
        return self.header + out.getvalue()

    def decode(self, value: bytes) -> Gauge:
        datum: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed_schema("gauge"), None)
        return from_avro(Gauge, datum)


class Stage:
    """A worker's converter with a table that outlives it."""

    def __init__(self, transforms: Sequence[Transform] = (), most_kept_bytes: int = 2**20) -> None:
        self.kept = Table("series")
        self.raw = Raw()
        self._more: dict[str, Any] = {"transforms": transforms, "most_kept_bytes": most_kept_bytes}
        self.crash()

    @property
    def table(self) -> dict[bytes, bytes]:
        """What is stored in the table."""
        return self.kept._stored.setdefault(0, {})

    def crash(self) -> None:
        """Lose everything but what is stored."""
        self.kept.abandon(0)
        self.converter = Converter(RULES, self.raw, Gauges(), self.kept.get, **self._more)
        self.asides: list[Exception] = []

    def take(self, poll: RawCounters, *, store: bool = True) -> list[bytes]:
        converted = self.converter.convert(0, poll.resource.encode(), self.raw.encode(poll))
        self.asides += [aside.why for aside in converted.asides]
        if converted.entry is not None:
            write = [Write(*converted.entry)]
            self.kept.want(0, write)
            if store:
                self.kept.store(0, write)
        return list(converted.rows)


def octets(value: int, number: int, **rest: Any) -> RawCounters:
    return record([column("o", [value])], slot=T0_S + 60 * number, **rest)


def gauge(packed: list[bytes]) -> Gauge:
    (only,) = packed
    return Gauges().decode(only)


def test_a_series_goes_on_after_a_crash_with_what_the_table_knows():
    stage = Stage()
    stage.take(octets(0, 0))
    stage.take(octets(600, 1))
    stage.crash()
    assert gauge(stage.take(octets(1200, 2))).gauges == {"o": 10.0}


@pytest.mark.parametrize("polls_before", [2, 3, 4])
def test_after_a_crash_the_newer_entry_is_the_last_sample_whichever_side_it_is_on(polls_before):
    stage = Stage()
    for number in range(polls_before):
        stage.take(octets(600 * number**2, number))
    stage.crash()
    expected = 10.0 * (polls_before**2 - (polls_before - 1) ** 2)
    assert gauge(stage.take(octets(600 * polls_before**2, polls_before))).gauges == {"o": expected}


def test_a_replayed_slot_gives_the_same_bytes_from_memory_and_from_the_table():
    stage = Stage()
    stage.take(octets(0, 0))
    first = stage.take(octets(600, 1))
    assert stage.take(octets(9999, 1)) == first
    stage.crash()
    assert stage.take(octets(9999, 1)) == first
    assert gauge(stage.take(octets(1200, 2))).gauges == {"o": 10.0}


def test_a_crash_before_the_table_was_written_is_as_if_the_record_had_not_come():
    stage = Stage()
    stage.take(octets(0, 0))
    lost = stage.take(octets(600, 1), store=False)
    stage.crash()
    assert stage.take(octets(600, 1)) == lost


def test_each_poll_replaces_the_older_of_two_entries():
    stage = Stage()
    for number in range(4):
        stage.take(octets(number, number))
    series = f"{KEY.decode()}\x1finterfaces/acme/60\x1finterface"
    slots = {side: read_entry(stage.table[entry_key(series, side)]).slot for side in (0, 1)}
    assert slots == {0: T0_S + 120, 1: T0_S + 180}
    assert len(stage.table) == 2


def test_known_series_are_not_decoded_in_general():
    stage = Stage()
    for number in range(5):
        stage.take(octets(number, number))
    assert stage.raw.decoded == 1


def test_groups_and_jobs_of_a_resource_are_series_of_their_own():
    stage = Stage()
    for number in range(3):
        stage.take(octets(600 * number, number))
        stage.take(octets(60 * number, number, group="other"))
    assert gauge(stage.take(octets(1800, 3))).gauges == {"o": 10.0}
    assert gauge(stage.take(octets(180, 3, group="other"))).gauges == {"o": 1.0}


def test_a_record_under_another_key_is_refused():
    stage = Stage()
    with pytest.raises(RecordError, match="is not the record's resource"):
        stage.converter.convert(0, b"other", stage.raw.encode(octets(0, 0)))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda stored: b"\7" + stored[1:], id="version-to-come"),
        pytest.param(lambda stored: stored[:9], id="cut-front"),
        pytest.param(lambda stored: stored[:-4], id="cut-record"),
        pytest.param(lambda stored: stored[:1] + b"\0" * 8 + stored[9:], id="another-slot"),
    ],
)
def test_state_that_cannot_be_read_is_set_aside_and_the_series_begins_anew(damage):
    stage = Stage()
    stage.take(octets(0, 0))
    (key,) = stage.table
    stage.table[key] = damage(stage.table[key])
    stage.crash()
    assert gauge(stage.take(octets(600, 1))).missing == {"o": "first-sample"}
    assert [type(why) for why in stage.asides] == [StateError]
    assert gauge(stage.take(octets(1200, 2))).gauges == {"o": 10.0}
    assert len(stage.asides) == 1


def test_the_other_half_of_a_state_still_counts():
    stage = Stage()
    stage.take(octets(0, 0))
    stage.take(octets(600, 1))
    newest = max(stage.table, key=lambda key: read_entry(stage.table[key]).slot)
    stage.table[newest] = b"rubbish"
    stage.crash()
    assert gauge(stage.take(octets(1200, 2))).gauges == {"o": 10.0}
    assert len(stage.asides) == 1


def test_a_derived_value_of_a_metrics_name_costs_no_poll_and_is_counted():
    rules = Rules(derived=(parse("interface", "o", "utilisation o"),))
    raw = Raw()
    converter = Converter(rules, raw, Gauges(), lambda _partition, _key: None)
    converter.convert(0, KEY, raw.encode(octets(0, 0)))
    (packed,) = converter.convert(0, KEY, raw.encode(octets(600, 1))).rows
    assert Gauges().decode(packed).gauges == {"o": 10.0}
    assert converter.words == {"first-sample": 1, "name-taken": 2}


def test_a_schema_that_is_not_known_yet_is_asked_for_and_nothing_has_happened():
    stage = Stage()
    value = stage.raw.encode(octets(0, 0), schema_id=9)
    with pytest.raises(SchemaNeeded) as needed:
        stage.converter.convert(0, KEY, value)
    assert needed.value.value == value
    stage.raw.known.add(9)
    assert len(stage.converter.convert(0, KEY, value).rows) == 1


def test_state_of_a_lost_schema_is_set_aside():
    stage = Stage()
    stage.take(octets(0, 0))
    (key,) = stage.table
    entry = read_entry(stage.table[key])
    stage.table[key] = write_entry(entry._replace(value=b"\0\0\0\0\x63" + entry.value[5:]))
    stage.crash()
    with pytest.raises(SchemaNeeded) as needed:
        stage.take(octets(600, 1))
    stage.converter.lost.add(needed.value.value[:5])
    assert gauge(stage.take(octets(600, 1))).missing == {"o": "first-sample"}
    assert [str(why) for why in stage.asides] == ["state with a record whose schema is lost"]


def test_partitions_that_left_are_forgotten():
    stage = Stage()
    stage.take(octets(0, 0), store=False)
    stage.converter.forget([1])
    assert stage.converter.series == 1
    stage.converter.forget([0])
    stage.kept.drop(0)
    assert stage.converter.series == 0
    assert gauge(stage.take(octets(600, 1))).missing == {"o": "first-sample"}


def size_of_a_series() -> int:
    stage = Stage()
    stage.take(octets(0, 0, resource="r00"))
    return stage.converter.kept_bytes


def test_only_so_many_bytes_of_series_are_kept_and_one_that_is_not_written_yet_is_not_lost():
    stage = Stage(most_kept_bytes=3 * size_of_a_series())
    stage.take(octets(0, 0, resource="unwritten"), store=False)
    for number in range(10):
        stage.take(octets(0, 0, resource=f"r{number:02}"))
    assert stage.converter.series <= 3
    assert gauge(stage.take(octets(600, 1, resource="unwritten"))).gauges == {"o": 10.0}
    assert gauge(stage.take(octets(600, 1, resource="r09"))).gauges == {"o": 10.0}
    stage.converter.forget()
    assert (stage.converter.series, stage.converter.kept_bytes) == (0, 0)


@pytest.mark.parametrize(("devices", "least_hits"), [(20, 1.0), (21, 0.9), (30, 0.6)])
def test_beyond_the_bound_only_what_does_not_fit_is_read_from_the_table(devices, least_hits):
    """As many hits as there is room for, where polls come in turns: with the oldest out first there were none."""
    stage = Stage(most_kept_bytes=20 * size_of_a_series())
    rounds = 6
    loads: list[int] = []
    for number in range(rounds):
        for device in range(devices):
            packed = stage.take(octets(600 * number, number, resource=f"r{device:02}"))
            assert not number or gauge(packed).gauges == {"o": 10.0}
        loads.append(stage.converter.loads)
    hits = 1 - (loads[-1] - loads[0]) / (devices * (rounds - 1))
    assert hits >= least_hits
    assert stage.converter.kept_bytes <= 22 * size_of_a_series()


def test_who_is_polled_no_more_gives_its_place_to_who_is():
    stage = Stage(most_kept_bytes=20 * size_of_a_series())
    for device in range(20):
        stage.take(octets(0, 0, resource=f"old{device:02}"))
    for number in range(10, 16):
        loads = stage.converter.loads
        for device in range(20):
            stage.take(octets(0, number, resource=f"new{device:02}"))
    assert stage.converter.loads == loads


def test_several_groups_of_a_device_are_kept_and_dropped_together():
    stage = Stage(most_kept_bytes=2 * size_of_a_series())
    for number in range(4):
        for device in range(4):
            for group in ("interface", "cpu", "memory"):
                packed = stage.take(octets(600 * number, number, resource=f"r{device:02}", group=group))
                assert not number or gauge(packed).gauges == {"o": 10.0}


def test_what_a_series_counts_for_is_about_what_it_takes():
    load = Load(resources=40, slots=3)
    messages = [
        [(key_of(device).encode(), polled(polled_at(load, device, number), 7)) for device in range(load.resources)]
        for number in range(load.slots)
    ]
    table: dict[bytes, bytes] = {}
    converter = Converter(RULES, Raw(), Gauges(), table.get)
    for key, value in messages[0][:2]:  # what devices share
        converter.convert(0, key, value)
    converter.forget()
    tracemalloc.start()
    try:
        for number in range(load.slots):
            for key, value in messages[number]:
                converted = converter.convert(0, key, value)
                assert converted.entry is not None
                table.__setitem__(*converted.entry)
        del converted
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    beside_the_table = taken - sum(map(len, table.values()))
    assert 0.6 < converter.kept_bytes / beside_the_table < 1.6


def test_an_older_half_that_cannot_be_read_costs_only_the_replay_that_asks_for_it():
    stage = Stage()
    for number in range(3):
        stage.take(octets(600 * number, number))
    oldest = min(stage.table, key=lambda key: read_entry(stage.table[key]).slot)
    stage.table[oldest] = stage.table[oldest][:-4]
    stage.crash()
    assert gauge(stage.take(octets(1200, 2))).missing == {"o": "first-sample"}
    assert [type(why) for why in stage.asides] == [StateError]
    assert gauge(stage.take(octets(1800, 3))).gauges == {"o": 10.0}
    assert len(stage.asides) == 1


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(polls(), min_size=1, max_size=8), st.data())
def test_crashes_and_redelivery_change_no_gauge(series, data):
    series = [replace(poll, resource=KEY.decode()) for poll in series]
    calm = Stage()
    expected: dict[int, list[bytes]] = {}
    for poll in series:
        packed = calm.take(poll)
        if packed:
            assert expected.setdefault(poll.slot, packed) == packed
    stage = Stage()
    found: dict[int, list[bytes]] = {}
    committed = 0
    for number, poll in enumerate(series):
        packed = stage.take(poll, store=(stored := data.draw(st.booleans())))
        if packed:
            assert found.setdefault(poll.slot, packed) == packed
        if not stored or data.draw(st.booleans()):
            stage.crash()
            for again in series[committed : number + 1]:
                packed = stage.take(again)
                if packed:
                    assert found.setdefault(again.slot, packed) == packed
        committed = data.draw(st.integers(committed, number + 1))
    assert found == expected


class Summing:
    """Adds up what it has seen, and fails where it is told to."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.fail_at = fail_at

    def advance(
        self, state: bytes | None, sample: RawCounters, gauges: Sequence[Gauge]
    ) -> tuple[bytes, Sequence[Gauge]]:
        if sample.slot == self.fail_at:
            raise ZeroDivisionError
        seen = int(state or b"0") + sample.counters[0].values[0]
        more = replace(gauges[0], group="seen", gauges={"total": float(seen)})
        return b"%d" % seen, [*gauges, more]


def everyone(_resource: object) -> bool:
    return True


def nobody(_resource: object) -> bool:
    return False


def test_a_transform_has_a_state_of_its_own_that_replays_and_crashes_do_not_change():
    stage = Stage([Transform("sum", everyone, Summing())])
    totals = []
    for number in range(4):
        packed = stage.take(octets(10, number))
        assert stage.take(octets(10, number)) == packed
        stage.crash()
        assert stage.take(octets(10, number)) == packed
        totals.append(Gauges().decode(packed[1]).gauges["total"])
    assert totals == [10.0, 20.0, 30.0, 40.0]


def test_several_transforms_apply_one_after_the_other_and_a_filter_leaves_one_out():
    stage = Stage(
        [
            Transform("one", everyone, Summing()),
            Transform("none", nobody, Summing()),
            Transform("two", everyone, Summing()),
        ]
    )
    packed = stage.take(octets(10, 0))
    assert [Gauges().decode(one).group for one in packed] == ["interface", "seen", "seen"]
    (stored,) = stage.table.values()
    assert dict(read_entry(stored).transforms) == {"one": b"10", "two": b"10"}


def test_a_transform_that_fails_is_passed_over_and_keeps_its_state():
    stage = Stage([Transform("sum", everyone, Summing(fail_at=T0_S + 60))])
    stage.take(octets(10, 0))
    assert [Gauges().decode(one).group for one in stage.take(octets(10, 1))] == ["interface"]
    assert [type(why) for why in stage.asides] == [ZeroDivisionError]
    assert Gauges().decode(stage.take(octets(10, 2))[1]).gauges == {"total": 20.0}


class Plugin:
    """Does what a function does, and adds a gauge."""

    def __init__(self, act: Callable[[Sequence[Gauge]], tuple[Any, Any]]) -> None:
        self.act = act

    def advance(
        self,
        state: bytes | None,
        sample: RawCounters,
        gauges: Sequence[Gauge],
    ) -> tuple[Any, Any]:
        return self.act(gauges)


def spoilt(gauges: Sequence[Gauge]) -> tuple[bytes, Sequence[Gauge]]:
    cast("dict[str, float]", gauges[0].gauges)["o"] = -1.0
    cast("dict[str, str]", gauges[0].labels).clear()
    raise ZeroDivisionError


def changed(**fields: Any) -> Callable[[Sequence[Gauge]], tuple[bytes, Sequence[Gauge]]]:
    return lambda gauges: (b"new", [replace(one, **fields) for one in gauges])


@pytest.mark.parametrize(
    ("act", "complaint"),
    [
        pytest.param(spoilt, "", id="changes-its-arguments-and-raises"),
        pytest.param(lambda gauges: (10**7, gauges), "a state that is int", id="state-that-is-a-number"),
        pytest.param(
            lambda gauges: (bytes(2**22 + 1), gauges),
            "a state of 4194305 bytes, expected 4194304",
            id="state-too-large",
        ),
        pytest.param(changed(labels={"x": "y" * 2**23}), "expected 8323072 at most", id="gauge-too-large"),
        pytest.param(changed(gauges={"o": math.nan}), "NaN or infinite: ['o']", id="nan"),
        pytest.param(changed(gauges={"o": math.inf}), "NaN or infinite: ['o']", id="infinite"),
        pytest.param(changed(gauges={"o": "5"}), "must be real number", id="no-number"),
        pytest.param(changed(duration_s=math.nan), "duration of nan", id="duration"),
        pytest.param(changed(resource="other"), "a gauge of ('other'", id="resource"),
        pytest.param(changed(slot=5), "expected the sample's resource, job and slot", id="slot"),
        pytest.param(changed(job="other"), "expected the sample's resource, job and slot", id="job"),
        pytest.param(lambda _gauges: (b"", None), "", id="nothing"),
    ],
)
def test_a_transform_that_makes_what_cannot_be_published_is_passed_over(act, complaint):
    plain = Stage()
    stage = Stage([Transform("bad", everyone, Plugin(act)), Transform("sum", everyone, Summing())])
    expected = plain.take(octets(10, 0))
    packed = stage.take(octets(10, 0))
    assert packed[0] == expected[0]
    assert Gauges().decode(packed[1]).gauges == {"total": 10.0}
    (fault,) = stage.asides
    assert complaint in str(fault)
    (stored,) = stage.table.values()
    assert dict(read_entry(stored).transforms) == {"sum": b"10"}


def test_a_transform_may_give_its_gauges_one_by_one():
    stage = Stage(
        [Transform("lazy", everyone, Plugin(lambda gauges: (b"", iter(gauges)))), Transform("sum", everyone, Summing())]
    )
    assert [Gauges().decode(one).group for one in stage.take(octets(10, 0))] == ["interface", "seen"]
    assert stage.asides == []


def test_what_transforms_may_make_fits_its_topics():
    assert TOPICS[Topic.GAUGES].max_message_bytes > LARGEST_GAUGE_BYTES
    entry = LARGEST_STATES_BYTES + TOPICS[Topic.RAW_COUNTERS].max_message_bytes
    assert entry < int(CHANGELOGS["series"].configs["max.message.bytes"])


ENTRIES = st.builds(
    StateEntry, st.integers(-(2**63), 2**63 - 1), st.dictionaries(st.text(max_size=5), st.binary(max_size=9),
    max_size=3),
    st.binary(max_size=40),
)  # fmt: skip


@given(ENTRIES)
def test_an_entry_is_read_as_it_was_written(entry):
    assert read_entry(write_entry(entry)) == entry


@given(ENTRIES, st.integers(0, 60))
def test_an_entry_that_is_cut_is_another_entry_or_an_error(entry, size):
    with contextlib.suppress(StateError):
        read_entry(write_entry(entry)[:size])
