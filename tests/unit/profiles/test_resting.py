"""What polls have learnt is the same after a rest."""

from hypothesis import given
from hypothesis import strategies as st

from pollers.profiles.memory.resting import rest, wake
from pollers.profiles.memory.sharing import Sharing
from pollers.profiles.reading.collect import PollClock
from pollers.profiles.reading.frames import Known, without_rows
from pollers.profiles.reading.walking import PollMemory

NAMES = st.text(max_size=3)
WALKS = st.tuples(NAMES, NAMES)
TIMES = st.integers(0, 2**50)
CLOCKS = st.builds(PollClock, TIMES, st.none() | st.integers(), st.none() | st.integers())
WITH_ROWS = st.builds(Known, st.just({"1": 0}), st.dictionaries(NAMES, st.just(("a",))), TIMES, TIMES)
KNOWN = WITH_ROWS | st.builds(without_rows, st.lists(NAMES, unique=True), TIMES, TIMES)
MEMORIES = st.builds(
    PollMemory,
    clock=st.none() | CLOCKS,
    skip=st.frozensets(NAMES),
    known=st.dictionaries(NAMES, KNOWN),
    rows=st.dictionaries(WALKS, st.integers()),
    empty=st.dictionaries(WALKS, TIMES),
)


@given(MEMORIES)
def test_what_was_learnt_is_the_same_after_a_rest(memory):
    assert wake(rest(memory, Sharing())) == memory


@given(MEMORIES, CLOCKS)
def test_devices_of_one_kind_have_it_in_common(memory, clock):
    sharing = Sharing()
    one, other = rest(memory, sharing), rest(PollMemory(**(as_dict(memory) | {"clock": clock})), sharing)
    assert one.common is other.common


def as_dict(memory: PollMemory) -> dict:
    return {name: getattr(memory, name) for name in PollMemory.__slots__}
