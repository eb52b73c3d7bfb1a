"""A sink makes no more series than it may: what was let in goes on, what is new is left out and counted."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from pollers.plugins.batch import Block
from schemas.records import Gauge
from streams.sinks.encoding.cardinality import Cardinality
from streams.sinks.naming.names import Names
from streams.sinks.reading.gauges import GaugeReader
from streams.sinks.reading.held import Ending, HeldRows
from tests.unit.sinks.gauges import HEADER, decode, encode, gauge

#: an interface's number, and a state that may be one of seven (RFC 2863, ifOperStatus)
EACH = 1 + len(Names().values("interface", "oper_state"))


class Sink:
    def __init__(self, most: int) -> None:
        self.bound, self.held = Cardinality(Names(), most), HeldRows()
        self._reader = GaugeReader(HEADER, decode, lambda _row: True)

    def write(self, *gauges: Gauge, ends: Sequence[Ending] = ()) -> list[str]:
        """Return the rows that go on; what is encoded of a row is kept there, as a sink does it."""
        blocks, _ = self._reader.read([encode(one) for one in gauges])
        within: list[Block] = self.bound.within(self.held.ending(ends, 0, blocks))
        for block in within:
            for row in block.rows:
                row.kept = "labels"
        return [row.row for block in within for row in block.rows if block.names]


def of(row: str, **changes: object) -> Gauge:
    return gauge(row=row, gauges={"octets_in": 1.0}, **changes)


def test_rows_beyond_the_most_are_left_out_and_those_that_were_let_in_go_on():
    sink = Sink(most=2 * EACH + 1)
    assert sink.write(of("a"), of("b"), of("c")) == ["a", "b"]
    assert sink.write(of("c"), of("b"), of("a")) == ["b", "a"]
    assert (sink.bound.series, sink.bound.left_out) == (2 * EACH, 2)


def test_a_row_that_has_ended_makes_room():
    sink = Sink(most=EACH)
    assert sink.write(of("a")) == ["a"]
    sink.write(ends=[Ending(10**13, gauge().resource)])
    assert sink.bound.series == 0
    assert sink.write(of("b")) == ["b"]


def test_another_alias_is_the_same_series():
    sink = Sink(most=EACH)
    assert sink.write(of("a"), of("a", dimensions={"alias": "new"})) == ["a", "a"]
    assert sink.bound.series == EACH


@given(st.lists(st.sampled_from("abcdef"), max_size=30), st.integers(1, 8))
def test_there_are_never_more_than_may_be_and_every_row_is_always_in_or_always_out(rows: list[str], most: int):
    sink = Sink(most=most * EACH)
    within = {row for start in range(0, len(rows), 3) for row in sink.write(*map(of, rows[start : start + 3]))}
    assert sink.bound.series == len(within) * EACH <= most * EACH
    assert within == set(list(dict.fromkeys(rows))[:most])
