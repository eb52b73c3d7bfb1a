"""What the kernel and FRR said when, and what that allows a poll to have seen. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class Counter(NamedTuple):
    node: str
    port: str
    way: str  #: in or out

    def __str__(self) -> str:
        return f"{self.node}:{self.port} {self.way}"


class Session(NamedTuple):
    node: str
    peer: str  #: its address


class Span(NamedTuple):
    """Octets, at least and at most."""

    low: int
    high: int


@dataclass(slots=True)
class Octets:
    """One counter's readings, oldest first. Each was taken at some moment between two times, in Unix seconds."""

    begun_s: list[float] = field(default_factory=list)
    ended_s: list[float] = field(default_factory=list)
    values: list[int] = field(default_factory=list)

    def add(self, begun_s: float, ended_s: float, value: int) -> None:
        self.begun_s.append(begun_s)
        self.ended_s.append(ended_s)
        self.values.append(value)

    def at_least(self, at_s: float) -> int | None:
        """Return what the counter had surely reached by then; None where it was not read yet."""
        known = bisect_right(self.ended_s, at_s)
        return self.values[known - 1] if known else None

    def at_most(self, at_s: float) -> int | None:
        """Return what it had surely not passed yet; None where it was not read since."""
        known = bisect_left(self.begun_s, at_s)
        return self.values[known] if known < len(self.values) else None

    def about(self, at_s: float) -> float | None:
        """Return the value on the line between the readings before and after; None where one of them is lacking."""
        after = bisect_left(self.begun_s, at_s)
        if not 0 < after < len(self.values):
            return None
        first_s, last_s = self._middle(after - 1), self._middle(after)
        share = min(1.0, max(0.0, (at_s - first_s) / (last_s - first_s)))
        return self.values[after - 1] + share * (self.values[after] - self.values[after - 1])

    def _middle(self, number: int) -> float:
        return (self.begun_s[number] + self.ended_s[number]) / 2

    def moved(self, from_s: float, to_s: float, cache_s: float) -> Span | None:
        """Return how far it may have moved between two polls, whose agent may answer with what it read before."""
        bounds = (
            self.at_least(from_s - cache_s),
            self.at_most(from_s),
            self.at_least(to_s - cache_s),
            self.at_most(to_s),
        )
        first_low, first_high, last_low, last_high = bounds
        if first_low is None or first_high is None or last_low is None or last_high is None:
            return None
        return Span(max(0, last_low - first_high), last_high - first_low)

    def still_since(self, until_s: float) -> float:
        """Return since when it had not moved at that time; that time itself where it moved at the last reading."""
        last = bisect_right(self.ended_s, until_s) - 1
        if last < 0:
            return until_s
        first = last
        while first > 0 and self.values[first - 1] == self.values[last]:
            first -= 1
        return self.ended_s[first]


@dataclass(slots=True)
class States:
    """What FRR called a session, when."""

    begun_s: list[float] = field(default_factory=list)
    ended_s: list[float] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def add(self, begun_s: float, ended_s: float, name: str) -> None:
        self.begun_s.append(begun_s)
        self.ended_s.append(ended_s)
        self.names.append(name)

    def around(self, at_s: float, margin_s: float) -> set[str] | None:
        """Return every state from the last reading before that time to the first one after; None without either."""
        first = bisect_right(self.ended_s, at_s - margin_s) - 1
        last = bisect_left(self.begun_s, at_s + margin_s)
        if first < 0 or last >= len(self.names):
            return None
        return set(self.names[first : last + 1])


@dataclass(slots=True)
class Timeline:
    octets: dict[Counter, Octets] = field(default_factory=dict)
    sessions: dict[Session, States] = field(default_factory=dict)

    def still(self, counters: Iterable[Counter], until_s: float, for_s: float) -> bool:
        """Return whether none of these counters moved for so long."""
        return all(self.octets[counter].still_since(until_s) <= until_s - for_s for counter in counters)
