"""What polls have learnt is the same when it was packed, and what devices have alike is one object."""

from dataclasses import replace
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from pollers.profiles.loading.library import read_library
from pollers.profiles.reading.collect import PollClock
from pollers.profiles.reading.constants import Unchanged
from pollers.profiles.reading.frames import Known, without_rows
from pollers.profiles.reading.plan import make_plan
from pollers.profiles.reading.state import DeviceState, shared

PLAN = make_plan(read_library().profiles["if-mib"])
NAMES = st.text(max_size=3)
WALKS = st.tuples(NAMES, NAMES)
TIMES = st.integers(0, 2**50)
CLOCKS = st.builds(PollClock, TIMES, st.none() | st.integers(0, 2**63 - 1), st.none() | st.integers(0, 2**31))
WITH_ROWS = st.builds(Known, st.just({"1": 0}), st.dictionaries(NAMES, st.just(("a",))), TIMES, TIMES)
KNOWN = WITH_ROWS | st.builds(without_rows, st.lists(NAMES, unique=True), TIMES, TIMES)
UNCHANGED = st.builds(Unchanged, st.just(["1"]), st.just({}), st.just(()))


@st.composite
def states(draw: st.DrawFn) -> DeviceState:
    known = draw(st.dictionaries(NAMES, KNOWN))
    having = [table for table, one in known.items() if one.rows]
    return DeviceState(
        plan=PLAN,
        clock=draw(st.none() | CLOCKS),
        skip=draw(st.frozensets(NAMES)),
        known=known,
        rows=draw(st.dictionaries(WALKS, st.integers())),
        empty=draw(st.dictionaries(WALKS, TIMES)),
        offered=draw(st.dictionaries(NAMES, WITH_ROWS)),
        unchanged={table: draw(UNCHANGED) for table in having if draw(st.booleans())},
        shown=draw(st.sets(NAMES)),
        enrichments={},
        library=SimpleNamespace(),
    )


@given(states())
def test_what_was_learnt_is_the_same_when_it_was_packed(state):
    packed = state.pack()
    again = packed.unpack()
    assert again == state
    assert all(again.unchanged[table] is one for table, one in state.unchanged.items())
    assert packed.polled_at_ms == (state.clock.polled_at_ms if state.clock else None)


@given(states(), CLOCKS)
def test_devices_of_one_kind_have_it_in_common(state, clock):
    other_clock = None if state.clock is None else state.clock._replace(polled_at_ms=clock.polled_at_ms)
    assert state.pack().alike is replace(state, clock=other_clock).pack().alike


def test_what_a_poll_learns_changes_nothing_of_what_was_packed():
    packed = DeviceState(plan=PLAN, shown={"interface"}).pack()
    packed.unpack().shown.add("cpu")
    assert packed.unpack().shown == {"interface"}


def test_equal_values_become_one_object():
    first, second = tuple(map(str, (1000, 2000))), tuple(map(str, (1000, 2000)))
    assert first is not second
    assert shared(second) is shared(first)
