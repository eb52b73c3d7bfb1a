"""Series of what falls silent or leaves are ended, each once, and nothing else is."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.plugins.batch import Block
from schemas.records import Gauge
from streams.sinks.encoding.remote_write import STALE, RemoteWrite
from streams.sinks.naming.labels import Labels
from streams.sinks.naming.names import Names
from streams.sinks.reading.gauges import GaugeReader
from streams.sinks.reading.held import End, Held
from tests.unit.sinks.gauges import HEADER, decode, encode, gauge
from tests.unit.sinks.prometheus import samples

AT_MS = gauge().time_ms
MINUTE_MS = 60_000


class Partition:
    """One partition's rows, read and held."""

    def __init__(self) -> None:
        self.held, self._reader = Held(), GaugeReader(HEADER, decode, lambda _row: True)

    def take(self, *gauges: Gauge, came_ms: int = 0) -> Sequence[Block]:
        blocks, _ = self._reader.read([encode(one) for one in gauges])
        self.held.take(blocks, came_ms)
        return blocks

    def ended(self, end: End) -> dict[str, tuple[int, str]]:
        """Return the rows that end: row -> when, and why."""
        return {
            row.row: (at_ms, *set(words.missing.values()))
            for block in self.held.ended(end)
            for row, at_ms, words in zip(block.rows, block.times_ms.tolist(), block.words, strict=True)
        }


def minutes(row: str, *several: int, **changes: object) -> list[Gauge]:
    return [gauge(row=row, time_ms=AT_MS + MINUTE_MS * one, **changes) for one in several]


def test_a_row_that_falls_silent_ends_half_an_interval_after_its_last_sample_and_once():
    one = Partition()
    one.take(*minutes("a", 0, 1), *minutes("b", 0, 1))
    one.take(*minutes("b", 2, 3, 4))
    assert one.ended(End()) == {}, "three intervals are not more than three"
    one.take(*minutes("b", 5))
    assert one.ended(End()) == {"a": (AT_MS + MINUTE_MS + 30_000, "silent")}
    assert one.ended(End()) == {}
    assert one.ended(End(AT_MS + 9 * MINUTE_MS)) == {"b": (AT_MS + 5 * MINUTE_MS + 30_000, "silent")}
    assert len(one.held) == 0


def test_without_records_only_the_clock_tells():
    one = Partition()
    one.take(*minutes("a", 0))
    assert one.ended(End()) == {}
    assert one.ended(End(AT_MS + 3 * MINUTE_MS)) == {}
    assert one.ended(End(AT_MS + 3 * MINUTE_MS + 1)) == {"a": (AT_MS + 30_000, "silent")}


def test_what_was_measured_long_ago_and_has_just_come_is_not_silent():
    one = Partition()
    hour_ms = AT_MS + 60 * MINUTE_MS
    one.take(*minutes("a", 0), came_ms=hour_ms)
    assert one.ended(End(hour_ms + 3 * MINUTE_MS)) == {}
    assert one.ended(End(hour_ms + 3 * MINUTE_MS + 1)) == {"a": (AT_MS + 30_000, "silent")}


def test_a_device_that_left_ends_when_it_left_and_no_other_does():
    one = Partition()
    one.take(*minutes("a", 0), *minutes("b", 0, resource="fra1|network|switch|cisco|sw2"))
    assert one.ended(End(AT_MS + 5, "fra1|network|switch|cisco|sw2")) == {"b": (AT_MS + 5, "device-left")}
    assert one.ended(End(AT_MS - 5, gauge().resource)) == {"a": (AT_MS + 1, "device-left")}, "after its last sample"


def test_what_said_itself_that_it_is_gone_does_not_end_again():
    one = Partition()
    one.take(*minutes("a", 0), *minutes("a", 1, gauges={}, states={}, missing={"octets_in": "row-gone"}))
    assert one.ended(End(AT_MS + 99 * MINUTE_MS)) == {}


def test_a_row_that_comes_back_is_held_again():
    one = Partition()
    one.take(*minutes("a", 0))
    one.ended(End(AT_MS + 9 * MINUTE_MS))
    one.take(*minutes("a", 9))
    assert one.ended(End(AT_MS + 20 * MINUTE_MS)) == {"a": (AT_MS + 9 * MINUTE_MS + 30_000, "silent")}


def test_a_new_alias_makes_no_end():
    one = Partition()
    one.take(*minutes("a", 0), *minutes("a", 1, dimensions={"alias": "another"}))
    assert one.ended(End(AT_MS + 4 * MINUTE_MS)) == {}
    assert len(one.held) == 1


def test_all_series_of_the_row_and_its_info_get_the_stale_marker():
    one, encoder = Partition(), RemoteWrite(Names(), Labels())
    written = {
        sample.labels for piece in encoder.encode(one.take(*minutes("a", 0))) for sample in samples(piece.octets)
    }
    ends = one.held.ended(End(AT_MS + 5, gauge().resource))
    found = [sample for piece in encoder.encode(ends) for sample in samples(piece.octets)]
    assert {sample.labels for sample in found} == written
    assert all(sample.bits == STALE and sample.at_ms == AT_MS + 5 for sample in found)
    assert {"panoptes_device_info", "panoptes_interface_row_info"} <= {sample.name for sample in found}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), max_size=20), st.integers(0, 40))
def test_every_row_has_ended_once_or_is_within_three_intervals(came: list[tuple[str, int]], now: int):
    one, last = Partition(), dict[str, int]()
    ended: list[str] = []
    for row, minute in sorted(came, key=lambda pair: pair[1]):
        ended = [name for name in ended if name != row]
        one.take(*minutes(row, minute))
        last[row] = minute
        ended += one.ended(End())
    ended += one.ended(End(AT_MS + now * MINUTE_MS))
    latest = max([now, *last.values()])
    assert sorted(ended) == sorted(row for row, minute in last.items() if latest - minute > 3)


@pytest.mark.parametrize("rows", [0, 5_000])
def test_what_rows_were_called_before_is_not_kept_for_ever(rows: int):
    one = Partition()
    for number in range(rows):
        one.take(gauge(row="a", time_ms=AT_MS + number, dimensions={"alias": str(number)}))
    assert len(one.held._of) <= 1_100
