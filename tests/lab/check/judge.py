"""Compares what the pipeline published with the truth. Pure."""

from collections import Counter as Tally
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, NamedTuple

from tests.lab.check.timeline import Counter, Octets, Session, Timeline
from tests.lab.spec import Agent, Node

INTERFACE: Final = "interface"
BGP: Final = "bgp_peer"
METRICS: Final = {"octets_in": "in", "octets_out": "out"}
#: agents keep what they read of interfaces for so long, and look once a second whether that has passed
CACHE_S: Final = 1.25
#: BGP4-MIB is asked of bgpd itself
SESSION_MARGIN_S: Final = 0.5
SETTING_UP: Final = frozenset({"idle", "connect", "active", "opensent", "openconfirm"})
SUM_TOLERANCE: Final = 0.001
STILL_S: Final = 10.0
#: of a rate that is traffic and not hellos
MANY_OCTETS: Final = 1_000_000
#: traffic is steady where no second has more than this many times another's
EVEN: Final = 1.5
#: times of two gauges are in whole milliseconds, durations are not
JOINT_S: Final = 0.002


class Rate(NamedTuple):
    """One rate, as the topic has it."""

    from_s: float
    to_s: float
    octets: float  #: rate x duration


class Stretch(NamedTuple):
    """Still, then traffic, then still again: Unix seconds."""

    interval_s: int  #: of polls
    from_s: float  #: traffic begins
    to_s: float  #: traffic ends
    end_s: float  #: and everything is still again


@dataclass(slots=True)
class Judge:
    """What was published, sorted by counter and session."""

    wanted: Mapping[str, Node]
    rates: dict[Counter, dict[int, Rate]] = field(default_factory=dict)  #: by slot
    absent: Tally[tuple[str, str]] = field(
        default_factory=Tally
    )  #: (node, reason) -> rates of octets, states of sessions
    states: list[tuple[Session, float, str]] = field(default_factory=list)
    outcomes: dict[str, Tally[str]] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)

    def take(self, topic: str, value: Mapping[str, Any]) -> None:
        """Take a record of `gauges` or `poll-status`."""
        name = value["resource"].rsplit("|", 1)[-1]
        if name not in self.wanted:
            self.strangers.add(name)
        elif topic == "poll-status":
            self.outcomes.setdefault(name, Tally())[value["outcome"]] += value["slots"]
        elif value["group"] == INTERFACE:
            self._interface(name, value)
        elif value["group"] == BGP:
            self._session(name, value)

    def _interface(self, name: str, value: Mapping[str, Any]) -> None:
        for metric, way in METRICS.items():
            rate = value["gauges"].get(metric)
            if rate is None:
                self.absent[name, value["missing"].get(metric, "no word")] += 1
                continue
            to_s, duration_s = value["time_ms"] / 1000, value["duration_s"]
            series = self.rates.setdefault(Counter(name, value["row"], way), {})
            series.setdefault(value["slot"], Rate(to_s - duration_s, to_s, rate * duration_s))

    def _session(self, name: str, value: Mapping[str, Any]) -> None:
        state = value["states"].get("peer_state")
        if state is None:
            self.absent[name, f"{BGP}: {value['missing'].get('peer_state', 'no word')}"] += 1
        else:
            self.states.append((Session(name, value["row"]), value["time_ms"] / 1000, state))

    def missing(self, timeline: Timeline, since_s: float = 0.0) -> Iterator[str]:
        """Yield the nodes of which not everything has been seen since then."""
        answering = {name for name, node in self.wanted.items() if node.agent is not Agent.SILENT}
        for counter in timeline.octets:
            newest = max((rate.to_s for rate in self.rates.get(counter, {}).values()), default=0.0)
            if counter.node in answering and newest <= since_s:
                yield f"rates of {counter}"
        seen = {session for session, at_s, _ in self.states if at_s > since_s}
        for session in timeline.sessions:
            if session.node in answering and session not in seen:
                yield f"the session of {session.node} with {session.peer}"
        for name in self.wanted:
            if name not in self.outcomes:
                yield f"any poll of {name}"


class Sum(NamedTuple):
    """The sum of rate x duration over the traffic, and the kernel's difference: octets."""

    rates: float
    kernel: int

    @property
    def error(self) -> float:
        return abs(self.rates - self.kernel) / max(1, self.kernel)


@dataclass(slots=True)
class Verdict:
    """What came of the comparison."""

    rates: int = 0
    steady: list[float] = field(default_factory=list)  #: |error| of rates that were all traffic
    sums: dict[Counter, Sum] = field(default_factory=dict)  #: where the counter was still before and after
    sums_bounded: int = 0  #: sums of the others, within what the agents' memory leaves open
    sessions: Tally[str] = field(default_factory=Tally)  #: state -> how often it agreed
    unknown: int = 0  #: before the first or after the last reading of the truth
    wrong: list[str] = field(default_factory=list)


def compare(judge: Judge, timeline: Timeline, stretch: Stretch) -> Verdict:
    """Return how what was published compares with the truth."""
    verdict = Verdict()
    for counter, octets in timeline.octets.items():
        series = [rate for _, rate in sorted(judge.rates.get(counter, {}).items())]
        _rates(verdict, counter, series, octets)
        _steady(verdict, counter, series, octets, stretch)
        _sum(verdict, counter, series, octets, stretch)
    for session, at_s, state in judge.states:
        _session(verdict, timeline, session, at_s, state)
    if not any(found.kernel > MANY_OCTETS for found in verdict.sums.values()):
        verdict.wrong.append("no counter with traffic was still before and after: nothing is shown of sums")
    if not verdict.steady:
        verdict.wrong.append("no rate was all steady traffic: nothing is shown of single rates")
    verdict.wrong += [f"{name} is none of the lab's nodes" for name in sorted(judge.strangers)]
    for name, node in judge.wanted.items():
        outcomes = judge.outcomes.get(name, Tally())
        bad = {outcome: count for outcome, count in outcomes.items() if outcome != "SUCCESS"}
        if node.agent is Agent.SILENT and outcomes["SUCCESS"]:
            verdict.wrong.append(f"{name} is silent, and was polled: {dict(outcomes)}")
        if node.agent is not Agent.SILENT and (bad or not outcomes):
            verdict.wrong.append(f"polls of {name} were not all good: {dict(outcomes)}")
    return verdict


def _rates(verdict: Verdict, counter: Counter, series: list[Rate], octets: Octets) -> None:
    """Hold every rate against all that the agent's memory and the moments of our readings leave open."""
    for rate in series:
        span = octets.moved(rate.from_s, rate.to_s, CACHE_S)
        if span is None:
            verdict.unknown += 1
        elif span.low - 1 <= rate.octets <= span.high + 1:
            verdict.rates += 1
        else:
            said = f"{rate.octets:.0f} octets by a rate, by the kernel {span.low} to {span.high}"
            verdict.wrong.append(f"{counter}: {said}")


def _steady(verdict: Verdict, counter: Counter, series: list[Rate], octets: Octets, stretch: Stretch) -> None:
    """Hold rates that are all traffic against 1/T: the agent's memory is a second, at either end of T."""
    for rate in series:
        if rate.from_s - stretch.interval_s < stretch.from_s or rate.to_s + CACHE_S > stretch.to_s:
            continue
        true, before = _about(octets, rate.from_s, rate.to_s), _about(octets, rate.from_s - CACHE_S, rate.from_s)
        if true is None or before is None or true < MANY_OCTETS:
            continue
        # A path of traffic that changes within is no steady traffic: OSPF and BGP move flows when a session is shut.
        parts = [
            _about(octets, rate.from_s + part, rate.from_s + part + 1) or 0.0
            for part in range(-1, int(rate.to_s - rate.from_s))
        ]
        if max(parts) > EVEN * min(parts):
            continue
        error = abs(rate.octets - true) / true
        verdict.steady.append(error)
        if error > 1 / stretch.interval_s:
            verdict.wrong.append(f"{counter}: a rate is {error:.2%} off, more than 1/{stretch.interval_s}")


def _about(octets: Octets, from_s: float, to_s: float) -> float | None:
    first, last = octets.about(from_s), octets.about(to_s)
    return None if first is None or last is None else last - first


def _sum(verdict: Verdict, counter: Counter, series: list[Rate], octets: Octets, stretch: Stretch) -> None:
    """Hold the sum over the traffic against the kernel's difference."""
    inside = [rate for rate in series if rate.from_s >= stretch.from_s - STILL_S and rate.to_s <= stretch.end_s]
    if not inside:
        return
    for one, other in pairwise(inside):
        if abs(other.from_s - one.to_s) > JOINT_S:
            verdict.wrong.append(f"{counter}: no rate from {one.to_s:.3f} to {other.from_s:.3f}")
            return
    total = sum(rate.octets for rate in inside)
    first_s, last_s = inside[0].from_s, inside[-1].to_s
    since = (octets.still_since(stretch.from_s), octets.still_since(stretch.end_s))
    still = since[0] <= stretch.from_s - STILL_S and since[1] <= stretch.end_s - STILL_S
    polled_still = first_s >= since[0] + CACHE_S and first_s < stretch.from_s and last_s >= since[1] + CACHE_S
    if still and polled_still:
        low, high = octets.at_least(stretch.from_s), octets.at_least(stretch.end_s)
        found = verdict.sums[counter] = Sum(total, (high or 0) - (low or 0))
        if found.error > SUM_TOLERANCE:
            verdict.wrong.append(f"{counter}: the rates' sum is {total:.0f}, the kernel's difference {found.kernel}")
        return
    span = octets.moved(first_s, last_s, CACHE_S)
    if span is None:
        verdict.unknown += 1
    elif span.low - 1 <= total <= span.high + 1:
        verdict.sums_bounded += 1
    else:
        verdict.wrong.append(f"{counter}: the rates' sum is {total:.0f}, by the kernel {span.low} to {span.high}")


def _session(verdict: Verdict, timeline: Timeline, session: Session, at_s: float, state: str) -> None:
    known = timeline.sessions.get(session)
    around = known.around(at_s, SESSION_MARGIN_S) if known is not None else None
    if known is None:
        verdict.wrong.append(f"{session.node} has no session with {session.peer}")
    elif around is None:
        verdict.unknown += 1
    elif state in around or (around & SETTING_UP and state in SETTING_UP):
        # One that is set up, or was lost and is set up anew, passes through these states within milliseconds.
        verdict.sessions[state] += 1
    else:
        verdict.wrong.append(f"{session.node}: {session.peer} is {state}, by FRR {', '.join(sorted(around))}")
