"""Why a plot has no number: by the poll that should have brought it."""

from schemas.records import Outcome
from streams.console.models.facts import Point
from streams.console.pages.agent_row import p95
from streams.console.pages.gaps import explained
from tests.unit.console.test_api import poll


def test_a_gap_has_the_reason_of_its_poll():
    polls = [poll("a", 60, Outcome.TIMEOUT, "no answer in 3 tries"), poll("a", 120, Outcome.SUCCESS),
             poll("a", 180, Outcome.SUCCESS)]  # fmt: skip
    points = [Point(0, None), Point(60, None), Point(120, None), Point(180, None), Point(240, 1.0)]
    assert [point.why for point in explained(points, polls, "reset")] == [
        "",
        "TIMEOUT: no answer in 3 tries",
        "polled, and no number came of it: see why",
        "the counter fell, and that was no wrap",
        "",
    ]


def test_what_a_history_says_itself_stays():
    assert [point.why for point in explained([Point(0, None, "its own")], [], "")] == ["its own"]


def test_p95_is_the_nearest_rank():
    assert p95([None, *map(float, range(1, 101))]) == 95.0
    assert p95([7.0]) == 7.0
    assert p95([None]) is None
