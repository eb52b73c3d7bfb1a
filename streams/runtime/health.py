"""Whether a worker is alive and ready; pure, so that the rules can be read and tested without one."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What is looked at; times on one monotonic clock, seconds."""

    now_s: float
    loop_seen_s: float  #: when the event loop last ran the heartbeat
    progress_s: float  #: when a committable offset last moved, nothing was in work, or a service was waited for
    in_work: int  #: records begun and not done
    assigned: bool  #: partitions are assigned
    recovered: bool  #: tables are recovered


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    live: bool  #: if not, restart the worker
    ready: bool  #: if not, it does no work yet
    why: Mapping[str, str]  #: what is wrong, in words


def judge(seen: Observed, *, progress_timeout_s: float, loop_timeout_s: float) -> Health:
    """Return the health of a worker: blocked loop or offsets that stand still for too long are not live."""
    why: dict[str, str] = {}
    blocked_s = seen.now_s - seen.loop_seen_s
    if blocked_s > loop_timeout_s:
        why["loop"] = f"the event loop has been blocked for {blocked_s:.0f} s"
    stuck_s = seen.now_s - seen.progress_s
    if seen.in_work and stuck_s > progress_timeout_s:
        why["progress"] = f"{seen.in_work} records in work and no offset has moved for {stuck_s:.0f} s"
    live = not why
    if not seen.assigned:
        why["assigned"] = "no partitions are assigned yet"
    if not seen.recovered:
        why["recovered"] = "tables are being recovered"
    return Health(live=live, ready=live and seen.assigned and seen.recovered, why=why)
