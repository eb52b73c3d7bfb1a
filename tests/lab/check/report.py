"""The report of the check, for people."""

from collections import Counter as Tally
from collections.abc import Iterator
from typing import Final

from tests.lab.check.judge import MANY_OCTETS, STILL_S, SUM_TOLERANCE, Judge, Verdict
from tests.lab.spec import Agent

SHOWN: Final = 15


def lines(judge: Judge, verdict: Verdict) -> Iterator[str]:
    """Yield what was compared, and what was wrong."""
    silent = [name for name, node in judge.wanted.items() if node.agent is Agent.SILENT]
    good = sum(outcomes["SUCCESS"] for outcomes in judge.outcomes.values())
    polls = sum(sum(outcomes.values()) for name, outcomes in judge.outcomes.items() if name not in silent)
    agents = Tally(str(node.agent) for node in judge.wanted.values())
    yield ""
    yield f"nodes      {len(judge.outcomes)} of {len(judge.wanted)} polled ({_tally(agents)})"
    yield f"polls      {good} of {polls} were good"
    for name in silent:
        yield f"           {name} does not answer: {_tally(judge.outcomes.get(name, Tally()))}"
    yield f"sums       of rate x duration, counters that were still for {STILL_S:.0f} s before and after the traffic:"
    yield f"           {_sums(verdict)}"
    yield f"           {verdict.sums_bounded} others, with hellos all the time: within what agents' memory leaves open"
    yield f"rates      {verdict.rates} within what the agents' memory leaves open"
    yield f"           {_steady(verdict)}"
    yield f"sessions   {sum(verdict.sessions.values())} states of BGP as FRR has them: {_tally(verdict.sessions)}"
    absent = Tally({reason: 0 for _, reason in judge.absent})
    for (_, reason), count in judge.absent.items():
        absent[reason] += count
    yield f"absent     rates without a number, sessions without a state, by reason: {_tally(absent) or 'none'}"
    yield f"not judged {verdict.unknown} from before or after our readings of the truth"
    yield from last_lines(verdict)


def last_lines(verdict: Verdict) -> Iterator[str]:
    """Yield what was wrong, and the verdict."""
    yield from (f"WRONG      {problem}" for problem in verdict.wrong[:SHOWN])
    if len(verdict.wrong) > SHOWN:
        yield f"WRONG      and {len(verdict.wrong) - SHOWN} more"
    yield f"verdict    {f'{len(verdict.wrong)} things are wrong' if verdict.wrong else 'everything agrees'}"


def _sums(verdict: Verdict) -> str:
    busy = {counter: found for counter, found in verdict.sums.items() if found.kernel > MANY_OCTETS}
    if not busy:
        return "none of them carried traffic"
    counter, worst = max(busy.items(), key=lambda pair: pair[1].error)
    octets = sum(found.kernel for found in busy.values())
    return (
        f"{len(busy)} with {octets} octets in all, worst error {worst.error:.6%} of {worst.kernel} ({counter}); "
        f"allowed {SUM_TOLERANCE:.1%}; and {len(verdict.sums) - len(busy)} that carried none"
    )


def _steady(verdict: Verdict) -> str:
    ordered = sorted(verdict.steady)
    if not ordered:
        return "none of them all steady traffic"
    middle = ordered[len(ordered) // 2]
    return f"{len(ordered)} of them all steady traffic: error p50 {middle:.2%}, worst {ordered[-1]:.2%}"


def _tally(counts: Tally[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
