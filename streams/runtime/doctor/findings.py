"""The doctor's findings and their thresholds; pure."""

import enum
from collections.abc import Iterable
from typing import Final, NamedTuple

DAY_S: Final = 86_400
#: a certificate that ends sooner is said
EXPIRES_SOON_S: Final = 30 * DAY_S
#: workers must agree within a second (docs/scheduling.md)
CLOCK_BOUND_S: Final = 1.0
#: a record that has waited for longer is said
BEHIND_S: Final = 300


class Level(enum.StrEnum):
    """The severity of a finding."""

    OK = "ok"
    WARNING = "warning"  #: it works, and somebody should look
    FAULT = "fault"  #: it does not work


class Finding(NamedTuple):
    """The result of one check."""

    level: Level
    about: str  #: kafka, zookeeper, redis, registry, certificate, clock, stage …
    text: str
    advice: str = ""  #: what to do


def ok(about: str, text: str) -> Finding:
    return Finding(Level.OK, about, text)


def warning(about: str, text: str, advice: str) -> Finding:
    return Finding(Level.WARNING, about, text, advice)


def fault(about: str, text: str, advice: str) -> Finding:
    return Finding(Level.FAULT, about, text, advice)


def worst(findings: Iterable[Finding]) -> Level:
    """Return the worst level; ok for none."""
    return max((finding.level for finding in findings), key=list(Level).index, default=Level.OK)


def of_certificate(whose: str, ends_s: float, now_s: float) -> Finding:
    """Judge how long a certificate remains valid, by its end and the present, Unix seconds."""
    left_s = ends_s - now_s
    days = f"{abs(left_s) / DAY_S:.0f} days"
    if left_s <= 0:
        return fault(
            "certificate", f"{whose} expired {days} ago", "renew it; running connections end at their next try"
        )
    if left_s < EXPIRES_SOON_S:
        return warning("certificate", f"{whose} expires in {days}", "renew it before that")
    return ok("certificate", f"{whose} lasts {days}")


def of_clock(whose: str, ahead_s: float, unsure_s: float) -> Finding:
    """Judge a service's clock: it is ahead of ours by so much, give or take `unsure_s`."""
    if abs(ahead_s) - unsure_s > CLOCK_BOUND_S:
        way = "ahead of" if ahead_s > 0 else "behind"
        return fault(
            "clock",
            f"{whose}'s clock is {abs(ahead_s):.1f} s {way} ours",
            f"have both follow NTP (chrony): workers must agree within {CLOCK_BOUND_S:g} s, else polls are late",
        )
    return ok("clock", f"{whose}'s clock and ours differ by {abs(ahead_s) + unsure_s:.3f} s at most")


def of_group(stage: str, members: int, behind: int, late: Iterable[str]) -> Finding:
    """Judge how a stage keeps up: its workers, unprocessed records, and topics with old ones among these."""
    late = sorted(late)
    start = f"start one: faust -A streams.{stage.partition(':')[0]} worker"
    if not members and behind:
        return fault("stage", f"{stage}: no worker, {behind} records wait", start)
    if not members:
        return warning("stage", f"{stage}: no worker", start)
    workers = f"{members} {'worker' if members == 1 else 'workers'}"
    if late:
        return warning(
            "stage",
            f"{stage}: {workers}, {behind} records wait, some of {', '.join(late)} for more than {BEHIND_S} s",
            "see its workers' /ready and logs; start more workers where they are busy",
        )
    return ok("stage", f"{stage}: {workers}, {behind} records wait")
