"""Fencing: the log decides which ticks count."""

import pytest

from schemas.records import Tick
from streams.scheduling.fencing import Admission, Fence, Verdict, lookback, next_epoch
from streams.scheduling.slots import Span


def tick(slot: int, epoch: int, gap_from: int | None = None) -> Tick:
    return Tick(
        stage="polling", slot=slot, gap_from=gap_from, partition=0, epoch=epoch, leader=f"l{epoch}", published_at_ms=0
    )


SEEN = Admission(Verdict.SLOT_SEEN)
FENCED = Admission(Verdict.LOWER_EPOCH)


def accepted(first: int, last: int, *, gap: bool = False) -> Admission:
    return Admission(Verdict.ACCEPTED, Span(first, last), gap)


@pytest.mark.parametrize(
    ("ticks", "expected"),
    [
        pytest.param([tick(5, 0), tick(6, 0)], [accepted(5, 5), accepted(6, 6)], id="undisturbed"),
        pytest.param(
            [tick(5, 1), tick(6, 2), tick(7, 1), tick(7, 2)],
            [accepted(5, 5), accepted(6, 6), FENCED, accepted(7, 7)],
            id="zombie-after-its-successor",
        ),
        pytest.param(
            [tick(5, 1), tick(6, 1), tick(7, 2)],
            [accepted(5, 5), accepted(6, 6), accepted(7, 7)],
            id="published-ahead-by-the-deposed-stays-good",
        ),
        pytest.param(
            [tick(5, 1), tick(6, 1), tick(6, 2), tick(7, 1), tick(7, 2)],
            [accepted(5, 5), accepted(6, 6), SEEN, FENCED, accepted(7, 7)],
            id="a-seen-slot-still-deposes",
        ),
        pytest.param([tick(5, 1), tick(5, 1)], [accepted(5, 5), SEEN], id="produced-twice"),
        pytest.param([tick(5, 3), tick(8, 3)], [accepted(5, 5), accepted(6, 8)], id="lost-ticks-fall-to-the-next"),
        pytest.param(
            [tick(5, 3), tick(3_604, 4, gap_from=6), tick(3_605, 4)],
            [accepted(5, 5), accepted(6, 3_604, gap=True), accepted(3_605, 3_605)],
            id="gap-tick",
        ),
        pytest.param([tick(99, 0, gap_from=40)], [accepted(40, 99, gap=True)], id="gap-tick-first-seen"),
        pytest.param(
            [tick(50, 0), tick(99, 1, gap_from=40)],
            [accepted(50, 50), accepted(51, 99, gap=True)],
            id="gap-tick-over-seen-slots",
        ),
    ],
)
def test_verdicts(ticks: list[Tick], expected: list[Admission]) -> None:
    fence = Fence()
    assert [fence.admit(each) for each in ticks] == expected


def test_a_new_owner_fences_as_the_old_one_did() -> None:
    past = [tick(5, 1), tick(6, 2), tick(7, 1)]
    fence = Fence().replay(past)
    assert (fence.epoch, fence.last_slot) == (2, 6)
    assert fence.admit(tick(8, 1)) == FENCED
    assert fence.admit(tick(7, 2)) == accepted(7, 7)


@pytest.mark.parametrize(
    ("sequence", "epochs", "expected"),
    [
        pytest.param(0, [], 0, id="first-ever"),
        pytest.param(7, [3, 6], 7, id="election-is-ahead"),
        pytest.param(0, [3, 6], 7, id="zookeeper-was-wiped"),
        pytest.param(6, [3, 6], 7, id="never-an-epoch-that-was-used"),
    ],
)
def test_next_epoch(sequence: int, epochs: list[int], expected: int) -> None:
    assert next_epoch(sequence, {n: Fence(epoch, 1) for n, epoch in enumerate(epochs)}) == expected


def test_lookback_reaches_past_the_longest_burst_of_a_deposed_leader() -> None:
    burst = 300 + 10 + 1
    past = [tick(100, 2), *(tick(101 + n, 1) for n in range(burst))]
    fence = Fence().replay(past[-lookback(300, 10) :])
    assert (fence.epoch, fence.last_slot) == (2, 100)
