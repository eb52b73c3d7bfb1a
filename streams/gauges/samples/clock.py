"""Measures the time between two polls from both clocks, since neither can be trusted alone.

Ours may be stepped (NTP, a resumed virtual machine) between two polls; the device's, sysUpTime, restarts with it and
wraps every 497 days (RFC 3418 §2: TimeTicks, 32 bits of hundredths of a second). Each is the check of the other, and
where they disagree the slots, for which the polls were scheduled, are the third witness.
"""

from typing import Final, NamedTuple

from streams.gauges.limits import RateLimits
from streams.gauges.reasons import Doubt, NoRate

UPTIME_WRAP_CS: Final = 2**32
#: in less than two ticks of its clock a device's uptime may stand still
_TICKS_MS: Final = 20


class PollTime(NamedTuple):
    """The time of a poll by all available clocks."""

    polled_at_ms: int  #: our clock, Unix milliseconds
    first_answer_ms: int  #: the first row was answered so long after polled_at
    uptime_cs: int | None
    engine_boots: int | None
    slot: int  #: Unix seconds


class Elapsed(NamedTuple):
    """The time between two polls."""

    shift_ms: int  #: to be added to what our clock says has passed
    doubt: Doubt | None = None
    uptime_stood: bool = False  #: uptime did not move: if no counter did either, the agent is frozen
    uptime_known: bool = True  #: the device did not restart, and says so
    may_have_rebooted: bool = False  #: the device is up for so short that a fall must be read as a restart


def between(before: PollTime, now: PollTime, interval_s: int, limits: RateLimits) -> Elapsed | NoRate:
    """Return the time between two polls and what is known of it, or why no rate can be computed."""
    boots_known = before.engine_boots is not None and now.engine_boots is not None
    if boots_known and before.engine_boots != now.engine_boots:
        return NoRate.REBOOT  # snmpEngineBoots counts restarts (RFC 3414 §2.2.2)
    if before.uptime_cs is None or now.uptime_cs is None:
        return _without_uptime(before, now, interval_s, limits, boots_known=boots_known)
    start_ms = now.polled_at_ms - before.polled_at_ms
    slots_ms = (now.slot - before.slot) * 1000
    answer_ms = start_ms + now.first_answer_ms - before.first_answer_ms
    up = _Uptime(before.uptime_cs, now.uptime_cs, (min(start_ms, answer_ms), max(start_ms, answer_ms)), limits)
    restartable = not up.fell and not boots_known and up.now_ms <= answer_ms + up.tolerance_ms
    passed_ms, backwards = start_ms, NoRate.CLOCK_STEP
    if up.stood:
        span = Elapsed(0, Doubt.UPTIME_FROZEN, uptime_stood=True, uptime_known=boots_known)
    elif up.agrees:
        passed_ms, backwards = answer_ms, NoRate.TOO_SOON
        span = Elapsed(0, may_have_rebooted=restartable)
    elif up.restarted(slots_ms) or (restartable and 0 < up.passed_ms < answer_ms):
        return NoRate.REBOOT
    elif abs(start_ms - slots_ms) < abs(up.passed_ms - slots_ms):
        span = Elapsed(0, Doubt.UPTIME_DISAGREES, uptime_known=boots_known, may_have_rebooted=restartable)
    else:
        passed_ms, backwards = up.passed_ms, NoRate.TOO_SOON
        span = Elapsed(up.passed_ms - answer_ms, Doubt.UPTIME_CLOCK, may_have_rebooted=restartable)
    return _refused(passed_ms, interval_s, limits, backwards) or span


def _without_uptime(
    before: PollTime, now: PollTime, interval_s: int, limits: RateLimits, *, boots_known: bool
) -> Elapsed | NoRate:
    start_ms = now.polled_at_ms - before.polled_at_ms
    unlike_slots_ms = abs(start_ms - (now.slot - before.slot) * 1000)
    doubt = Doubt.MAY_HAVE_STEPPED if unlike_slots_ms > _lateness_ms(interval_s, limits) else None
    span = Elapsed(0, doubt, uptime_known=boots_known)
    return _refused(start_ms, interval_s, limits, NoRate.CLOCK_STEP) or span


class _Uptime:
    """The evidence of sysUpTime, and whether our clock, with its own range of possible times, agrees."""

    def __init__(self, before_cs: int, now_cs: int, ours_ms: tuple[int, int], limits: RateLimits) -> None:
        # uptime was answered between the start of the poll, or of its last retry, and the first row
        self.now_ms = now_cs * 10
        self.passed_ms = (now_cs - before_cs) % UPTIME_WRAP_CS * 10
        self.fell = now_cs < before_cs
        self.stood = self.passed_ms == 0 and ours_ms[0] > _TICKS_MS
        self.tolerance_ms = max(limits.clock_tolerance_s * 1000, limits.clock_tolerance_share * self.passed_ms)
        self.agrees = ours_ms[0] - self.tolerance_ms <= self.passed_ms <= ours_ms[1] + self.tolerance_ms

    def restarted(self, slots_ms: int) -> bool:
        """Return whether a fall is a restart, our clock not agreeing: only the slots can bear a wrap out then."""
        return self.fell and abs(self.passed_ms - slots_ms) > self.tolerance_ms


def shortest_s(interval_s: int, limits: RateLimits) -> float:
    """Return the shortest duration that a rate may have, seconds; above 0."""
    return max(0.001, limits.min_intervals * interval_s)


def _longest_ms(interval_s: int, limits: RateLimits) -> float:
    return (limits.max_gap_intervals + 0.5) * interval_s * 1000


def _lateness_ms(interval_s: int, limits: RateLimits) -> float:
    """Return by how much a poll may be later or earlier within its interval than the last one, nothing being wrong."""
    return 1000 * max(limits.clock_tolerance_s, limits.lateness_share * interval_s)


def _refused(passed_ms: int, interval_s: int, limits: RateLimits, backwards: NoRate) -> NoRate | None:
    if passed_ms > _longest_ms(interval_s, limits):
        return NoRate.GAP
    if passed_ms <= 0:
        return backwards
    if passed_ms < shortest_s(interval_s, limits) * 1000:
        return NoRate.TOO_SOON
    return None
