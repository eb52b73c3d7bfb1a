"""The health of a device or a poll as one word, worst first."""

import enum
from collections.abc import Iterable

from schemas.records import Outcome


class DeviceHealth(enum.StrEnum):
    """The health of a device; pages have a shape and a colour for each."""

    SILENT = "silent"  #: it does not answer
    AUTH = "auth"  #: it refuses us
    FAULT = "fault"  #: ours
    MISSED = "missed"  #: it was not asked
    PARTIAL = "partial"  #: it answered in part
    UNKNOWN = "unknown"  #: it was not polled yet
    GOOD = "good"


_OF = {
    Outcome.SUCCESS: DeviceHealth.GOOD,
    Outcome.PARTIAL: DeviceHealth.PARTIAL,
    Outcome.TIMEOUT: DeviceHealth.SILENT,
    Outcome.UNREACHABLE: DeviceHealth.SILENT,
    Outcome.AUTH: DeviceHealth.AUTH,
    Outcome.MISSED: DeviceHealth.MISSED,
    Outcome.INTERNAL: DeviceHealth.FAULT,
}
_ORDER = list(DeviceHealth)


def of_outcome(outcome: Outcome) -> DeviceHealth:
    return _OF[outcome]


def worst(outcomes: Iterable[Outcome]) -> DeviceHealth:
    """Return the worst state among these outcomes."""
    return min((_OF[outcome] for outcome in outcomes), key=_ORDER.index, default=DeviceHealth.UNKNOWN)
