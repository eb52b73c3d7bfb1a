"""Turns tallies into a verdict: whether enough was seen, and whether all of it was right."""

from typing import Final

from streams.playground.check import expected
from streams.playground.check.forms import FiguresForm
from streams.playground.check.judge import Judge

#: gauges with rates that each answering interface must have shown
RATES_PER_INTERFACE: Final = 3
#: a poll this young may still be on its way to a gauge
SETTLED_S: Final = 20
SHOWN: Final = 15


def lacking(judge: Judge) -> list[str]:
    """Return what has not been seen yet; empty when the check is complete."""
    wanted = []
    for device in judge.devices.values():
        if device["role"] in expected.MUTE_ROLES:
            outcomes = dict(judge.outcomes.get(device["id"], {}))
            if not any(outcomes.get(outcome) for outcome in expected.NO_ANSWER):
                wanted.append(f"{device['id']} ({device['role']}) has not been reported as not answering")
        elif judge.rated[device["id"]] < RATES_PER_INTERFACE * len(device["interfaces"]):
            have = judge.rated[device["id"]]
            wanted.append(f"{device['id']} ({device['role']}) has {have} gauges with rates")
    for device in judge.devices.values():
        wanted += [
            f"{device['id']}: no {group} {row!r} has been seen"
            for group, row in device["rows"]
            if not judge.rows_right[device["id"], group, row]
        ]
    if not judge.restarts_seen["reboots: reboot"]:
        wanted.append("no reboot has been seen")
    if not judge.restarts_seen["clears-counters: discontinuity"]:
        wanted.append("no cleared counter has been seen")
    if not judge.wraps:
        wanted.append("no wrap of a 32-bit counter has been seen")
    return wanted


def unfinished(judge: Judge, now_s: float) -> list[str]:
    """Return successful polls whose gauges are incomplete."""
    return [
        f"{resource.rsplit('|', 1)[-1]} slot {slot}: a good poll, but {judge.rows[resource, slot]} of {rows} gauges"
        for (resource, slot), rows in judge.polled.items()
        if slot < now_s - SETTLED_S and judge.rows[resource, slot] != rows
    ]


def figures(
    judge: Judge, lateness_ms: dict[str, list[float]], first_gauge_ms: float | None, watched_s: float
) -> FiguresForm:
    """Return everything that was measured, as JSON types."""
    return {
        "rates_agreed": judge.agreed,
        "rates_disagreed": judge.disagreed,
        "worst_error": max(judge.errors, default=None),
        "p99_error": part(judge.errors, 0.99),
        "levels_agreed": judge.levels,
        "gauges": len(judge.seen),
        "repeats": judge.repeats,
        "gauges_per_s": len(judge.seen) / watched_s if watched_s > 0 else None,
        "wraps_right": judge.wraps,
        "absent_reasons": dict(judge.reasons),
        "restarts": dict(judge.restarts_seen),
        "outcomes": {device: dict(counts) for device, counts in sorted(judge.outcomes.items())},
        "strangers": dict(judge.strangers),
        "lateness": {
            which: {"gauges": len(values), "p50_ms": part(values, 0.5), "p99_ms": part(values, 0.99)}
            for which, values in lateness_ms.items()
        },
        "first_gauge_ms": first_gauge_ms,
        "watched_s": watched_s,
        "problems": judge.problems,
    }


def part(values: list[float], share: float) -> float | None:
    """Return a quantile of the values."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else None


def lines(judge: Judge, found: FiguresForm) -> list[str]:
    """Return the report for people."""
    total, worst, p99 = judge.agreed + judge.disagreed, found["worst_error"] or 0, found["p99_error"] or 0
    mute = [device for device in judge.devices.values() if device["role"] in expected.MUTE_ROLES]
    shown = judge.problems[:SHOWN]
    text = [
        f"{judge.agreed} of {total} rates agree with the truth within {expected.TOLERANCE:.0%} (and one count)",
        f"error of rates of 1,000 counts or more: p99 {p99:.4%}, worst {worst:.4%}",
        f"{judge.levels} states, levels and names agree",
        f"{sum(judge.rows_right.values())} gauges of {', '.join(expected.ROW_GROUPS)} are right",
        f"{found['gauges']} gauges, and {judge.repeats} repeats",
        f"{judge.wraps} rates over a 32-bit wrap are right",
        f"absent rates, by reason: {dict(judge.reasons)}; of devices that restart: {dict(judge.restarts_seen)}",
        *(f"{d['id']} ({d['role']}): {dict(judge.outcomes.get(d['id'], {}))}" for d in mute),
        *(f"beside them: {name}, {count} gauges" for name, count in judge.strangers.items()),
        *(f"WRONG: {problem}" for problem in shown),
    ]
    if len(judge.problems) > len(shown):
        text.append(f"WRONG: and {len(judge.problems) - len(shown)} more")
    return text
