"""Whatever a store answers, every series is stored, a repeat, refused or passed over, and the order stays."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.sinks.delivery.answers import Answer, Judged
from streams.sinks.delivery.progress import Delivery
from streams.sinks.delivery.refusals import LASTS_MS, Refusals
from streams.sinks.encoding.pieces import Pieces
from tests.examples import examples
from tests.unit.sinks.rows import row

NOW_MS = 10**12
SERIES = 3  #: of a record
LARGE = 10**9


def parts(piece: bytes) -> list[tuple[str, bytes]]:
    """Return the series of a piece; each is two bytes: its record, and its number in it."""
    return [(piece[at : at + 2].hex(), piece[at : at + 2]) for at in range(0, len(piece), 2)]


def pieces(records: int, *, every: int = 4) -> list[Pieces]:
    """Return pieces of so many records, some to each."""
    made = []
    for first in range(0, records, every):
        here = range(first, min(first + every, records))
        octets = b"".join(bytes((record, series)) for record in here for series in range(SERIES))
        made.append(
            Pieces(
                octets,
                [2 * SERIES * (at + 1) for at in range(len(here))],
                SERIES,
                [row(row=str(record)) for record in here],
            )
        )
    return made


class Store:
    """A store that refuses some series, has some records, and takes so many bytes."""

    def __init__(self, bad: set[bytes], had: set[int], most: int = LARGE) -> None:
        self.bad, self.had, self.most = bad, had, most
        self.taken: list[bytes] = []
        self.requests = 0

    def answer(self, octets: bytes) -> Judged:
        self.requests += 1
        series = [one for _, one in parts(octets)]
        if len(octets) > self.most:
            return Judged(Answer.TOO_LARGE)
        if any(one in self.bad for one in series):
            return Judged(Answer.BAD, "400 no")
        if any(one[0] in self.had for one in series):
            return Judged(Answer.REPEAT)
        self.taken += series
        return Judged(Answer.STORED)


def run(delivery: Delivery, store: Store, max_bytes: int = LARGE) -> None:
    while (octets := delivery.next(max_bytes)) is not None:
        assert octets == delivery.next(max_bytes)
        delivery.answered(store.answer(octets), NOW_MS)


@settings(max_examples=examples(200), deadline=None)
@given(
    st.integers(0, 20),
    st.sets(st.tuples(st.integers(0, 19), st.integers(0, SERIES - 1)).map(bytes), max_size=5),
    st.sets(st.integers(0, 19), max_size=8),
    st.integers(2, 60),
    st.integers(1, 200),
)
def test_every_series_is_accounted_for_once_and_in_order(records, bad, had, most, max_bytes):
    store, refusals = Store(bad, had, most), Refusals()
    delivery = Delivery(pieces(records), parts, refusals, NOW_MS)
    run(delivery, store, max_bytes)
    written = delivery.written()
    all_series = [bytes((record, series)) for record in range(records) for series in range(SERIES)]
    refused = {one.series for one in written.refused}
    assert written.stored + written.repeats + len(written.refused) == len(all_series)
    assert refused == {one.hex() for one in bad if one in all_series}
    assert store.taken == [one for one in all_series if one not in bad and one[0] not in had]


def test_a_refused_series_is_left_out_for_an_hour_and_then_tried_again():
    refusals, bad = Refusals(), {bytes((5, 1))}
    for at_ms, refused, passed_over in ((NOW_MS, 1, 0), (NOW_MS + LASTS_MS - 1, 0, 1), (NOW_MS + LASTS_MS, 1, 0)):
        store = Store(bad, set())
        delivery = Delivery(pieces(10), parts, refusals, at_ms)
        run(delivery, store)
        written = delivery.written()
        assert (len(written.refused), written.passed_over, written.stored) == (refused, passed_over, 29)


def test_one_bad_series_among_many_is_found_in_a_few_requests():
    store = Store({bytes((100, 1))}, set())
    run(Delivery(pieces(200, every=50), parts, Refusals(), NOW_MS), store)
    assert store.requests < 25


def test_what_is_busy_or_kept_out_is_sent_again_as_it_was():
    delivery = Delivery(pieces(3), parts, Refusals(), NOW_MS)
    first = delivery.next(LARGE)
    delivery.answered(Judged(Answer.BUSY), NOW_MS)
    delivery.answered(Judged(Answer.KEPT_OUT), NOW_MS)
    assert delivery.next(LARGE) == first
    assert delivery.written() == (0, 0, (), 0)
