"""Explains gaps in a plot by the polls of that time; pure."""

from collections.abc import Sequence

from schemas.records import Outcome, PollStatus
from streams.console.models.facts import Point
from streams.gauges.reasons import EXPLAINED


def explained(points: Sequence[Point], polls: Sequence[PollStatus], now: str) -> Sequence[Point]:
    """Return the points, each gap with its reason; `now` is the reason of the newest gauge, empty where there is none.

    A gap of which no poll is known stays without one: the store remembers numbers, and not why there is none.
    """
    told = sorted(polls, key=lambda poll: poll.slot)
    last_s = told[-1].slot if told else 0
    found = []
    for place, point in enumerate(points):
        end_s = points[place + 1].at_s if place + 1 < len(points) else point.at_s + 1
        why = point.why
        if point.value is None and not why:
            near = [poll for poll in told if poll.slot < end_s and _end_s(poll) > point.at_s]
            why = _reason(near, is_newest=end_s > last_s, now=now)
        found.append(point._replace(why=why))
    return found


def _reason(near: Sequence[PollStatus], *, is_newest: bool, now: str) -> str:
    bad = [poll for poll in near if poll.outcome is not Outcome.SUCCESS]
    if bad:
        return f"{bad[-1].outcome}: {bad[-1].reason}" if bad[-1].reason else str(bad[-1].outcome)
    if near and is_newest and now:
        return EXPLAINED.get(now, now)
    return "polled, and no number came of it: see why" if near else ""


def _end_s(poll: PollStatus) -> int:
    return poll.slot + poll.slots * poll.interval_s
