"""Remote write as our encoder makes it is what the library makes of the same samples."""

from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import Gauge
from streams.sinks.encoding.pieces import Pieces
from streams.sinks.encoding.remote_write import STALE, RemoteWrite, series_of
from streams.sinks.naming.labels import Labels
from streams.sinks.naming.names import Names
from streams.sinks.reading.gauges import GaugeReader
from streams.sinks.reading.times import in_range
from tests.examples import examples
from tests.strategies import records_of
from tests.unit.sinks.gauges import HEADER, decode, encode, gauge
from tests.unit.sinks.prometheus import Sample, bits_of, request, samples

KEYS = (("device", "sw1.fra1"), ("row", "Gi0/1"), ("site", "fra1"))
ONE = bits_of(1.0)


class Pipe:
    """A reader and an encoder, as a sink has them."""

    def __init__(self, **labels) -> None:
        self.reader = GaugeReader(HEADER, decode, lambda _row: True)
        self.encoder = RemoteWrite(Names(), Labels(**labels))

    def pieces(self, *records: Gauge) -> list[Pieces]:
        blocks, bad = self.reader.read([encode(record) for record in records])
        assert bad == []
        return self.encoder.encode(blocks)

    def samples(self, *records: Gauge) -> list[Sample]:
        return samples(b"".join(piece.octets for piece in self.pieces(*records)))

    def of(self, name: str, *records: Gauge) -> list[Sample]:
        return [one for one in self.samples(*records) if one.name == name]


def named(found: list[Sample]) -> dict[tuple[tuple[str, str], ...], float]:
    return {one.labels: one.value for one in found}


def test_numbers_are_series_of_group_metric_and_base_unit_with_site_device_and_row():
    found = Pipe().samples(
        gauge(gauges={"octets_in": 1.25e6, "load": 50.0}, units={"octets_in": "octets/s", "load": "percent"})
    )
    name = "panoptes_interface_octets_in_bytes_per_second"
    numbers = [one for one in found if "info" not in one.name and "state" not in one.name]
    assert named(numbers) == {
        (("__name__", name), *KEYS): 1.25e6,
        (("__name__", "panoptes_interface_load_ratio"), *KEYS): 0.5,
    }
    assert {one.at_ms for one in found} == {gauge().time_ms}


def test_a_record_from_before_there_were_units_has_the_vocabularys_names():
    (found,) = Pipe().of("panoptes_interface_octets_in_bytes_per_second", gauge(units={}))
    assert found.value == 1.25e6


def test_a_state_is_one_for_its_value_and_zero_for_all_others_of_the_vocabulary():
    found = Pipe().of("panoptes_interface_admin_state", gauge(states={"admin_state": "up"}))
    assert {dict(one.labels)["panoptes_interface_admin_state"]: one.value for one in found} == {
        "up": 1.0,
        "down": 0.0,
        "testing": 0.0,
    }


def test_values_that_the_vocabulary_does_not_know_are_learnt_as_they_come():
    pipe = Pipe()
    name = "panoptes_interface_door"
    pipe.samples(gauge(states={"door": "down"}))
    found = pipe.of(name, gauge(slot=120, states={"door": "up"}))
    labels = [(("__name__", name), KEYS[0], (name, value), *KEYS[1:]) for value in ("down", "up")]
    assert named(found) == dict(zip(labels, (0.0, 1.0), strict=True))


def test_what_is_missing_ends_its_series_and_no_other():
    pipe = Pipe()
    found = pipe.samples(gauge(gauges={"octets_in": 1.0}, missing={"errors_in": "reboot"}))
    stale = [one.name for one in found if one.bits == STALE]
    assert stale == ["panoptes_interface_errors_in_packets_per_second"]


def test_a_row_that_is_gone_ends_every_series_of_it():
    pipe = Pipe()
    before = gauge()
    names = {one.labels for one in pipe.samples(before) if one.name != "panoptes_device_info"}
    missing = dict.fromkeys((*before.gauges, *before.states), "row-gone")
    after = pipe.samples(gauge(gauges={}, states={}, missing=missing, duration_s=None, time_ms=before.time_ms + 60_000))
    assert {one.labels for one in after if one.bits == STALE} == names


def test_what_is_known_of_a_row_stands_in_its_info_and_ends_when_it_changes():
    pipe = Pipe()
    first, later = gauge(), gauge(time_ms=gauge().time_ms + 1, dimensions={"alias": "to the edge"})
    name = "panoptes_interface_row_info"
    (said,) = pipe.of(name, first)
    assert dict(said.labels).items() >= {("alias", "to the core"), ("if_index", "10101"), *KEYS}
    assert pipe.of(name, first) == []
    ended, said_now = pipe.of(name, later)
    assert (ended.labels, ended.bits) == (said.labels, STALE)
    assert (dict(said_now.labels)["alias"], said_now.bits) == ("to the edge", ONE)


def test_what_is_known_of_a_device_is_said_once_for_all_of_its_rows():
    found = Pipe().of("panoptes_device_info", *(gauge(row=f"Gi0/{port}") for port in range(48)))
    (said,) = found
    assert dict(said.labels) == {
        "__name__": "panoptes_device_info",
        "site": "fra1",
        "device": "sw1.fra1",
        "endpoint": "192.0.2.1",
        "rack": "r7",
        "class": "network",
        "subclass": "switch",
        "type": "cisco",
    }


def test_infos_are_said_again_before_a_query_looks_back_in_vain():
    pipe, times = Pipe(), [gauge().time_ms + minute * 60_000 for minute in range(10)]
    said = [one.at_ms for at in times for one in pipe.of("panoptes_interface_row_info", gauge(time_ms=at))]
    assert max(b - a for a, b in pairwise(said)) <= 240_000


def test_settings_copy_what_they_name_onto_every_series():
    pipe = Pipe(copied=("alias", "rack", "nothing"), added={"replica": "a"})
    found = pipe.samples(gauge())
    assert all(
        dict(one.labels).items() >= {("alias", "to the core"), ("rack", "r7"), ("replica", "a")}
        for one in found
        if one.name != "panoptes_device_info"
    )


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(records_of("gauge"), max_size=6), st.data())
def test_the_bytes_are_those_of_the_library(records, data):
    times = st.integers(2**35, 2**42 - 1)
    changes = [
        {
            "time_ms": data.draw(times),
            "units": dict.fromkeys([*one.gauges, *one.missing], "octets"),
        }
        for one in records
    ]
    records = [gauge(**{**_fields(one), **change}) for one, change in zip(records, changes, strict=True)]
    pipe = Pipe(copied=("a",))
    for _ in range(2):
        octets = b"".join(piece.octets for piece in pipe.pieces(*records))
        found = samples(octets)
        assert all(list(one.labels) == sorted(one.labels) for one in found)
        # the library leaves zeros out, and may make another NaN of a stale marker
        told = [(one, octets_) for one, (_, octets_) in zip(found, series_of(octets), strict=True)]
        told = [(one, octets_) for one, octets_ in told if one.bits not in (0, STALE)]
        assert request([one for one, _ in told]) == b"".join(octets_ for _, octets_ in told)
        wanted = Counter(bits_of(value) for one in records for value in one.gauges.values())
        assert wanted <= Counter(one.bits for one in found)


def _fields(one: Gauge) -> dict[str, object]:
    return {name: getattr(one, name) for name in Gauge.__dataclass_fields__}


def test_series_keep_their_order_of_time_whatever_is_missing_in_between():
    slots = [gauge(slot=60 * n, time_ms=10**12 + 60_000 * n) for n in range(6)]
    slots[2] = gauge(slot=120, time_ms=10**12 + 120_000, gauges={"octets_in": 1.0}, missing={"errors_in": "reset"})
    times: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for one in Pipe().samples(*slots):
        times.setdefault(one.labels, []).append(one.at_ms)
    assert all(at == sorted(at) for at in times.values())


def test_pieces_are_requests_of_their_own_in_any_run():
    (numbers, infos) = Pipe().pieces(*(gauge(row=f"Gi0/{port}") for port in range(5)))
    whole = samples(numbers.octets)
    parts = [samples(numbers.between(at, at + 1)) for at in range(5)]
    assert [one for part in parts for one in part] == whole
    assert samples(numbers.between(0, 2)) + samples(numbers.between(2, 5)) == whole
    assert infos.numbers == 0


def test_times_that_no_store_holds_are_told_and_the_others_go_on():
    reader = GaugeReader(HEADER, decode, lambda _row: True)
    blocks, _ = reader.read([encode(gauge(time_ms=at)) for at in (-1, 60_000, 2**42)])
    good, refused = in_range(blocks)
    assert [at for block in good for at in block.times_ms.tolist()] == [60_000]
    assert [one.reason for one in refused] == [f"time_ms {at}: expected 1970 to 2109" for at in (-1, 2**42)]
