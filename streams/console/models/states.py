"""What is said of a device or a poll in one word, worst first."""

import enum
from collections.abc import Iterable

from schemas.records import Outcome


class DeviceState(enum.StrEnum):
    """How a device does; pages show a shape and a colour for each."""

    SILENT = "silent"  #: it does not answer
    AUTH = "auth"  #: it refuses us
    FAULT = "fault"  #: ours
    MISSED = "missed"  #: it was not asked
    PARTIAL = "partial"  #: it answered in part
    UNKNOWN = "unknown"  #: it was not polled yet
    GOOD = "good"


_OF = {
    Outcome.SUCCESS: DeviceState.GOOD,
    Outcome.PARTIAL: DeviceState.PARTIAL,
    Outcome.TIMEOUT: DeviceState.SILENT,
    Outcome.UNREACHABLE: DeviceState.SILENT,
    Outcome.AUTH: DeviceState.AUTH,
    Outcome.MISSED: DeviceState.MISSED,
    Outcome.INTERNAL: DeviceState.FAULT,
}
_ORDER = list(DeviceState)


def of_outcome(outcome: Outcome) -> DeviceState:
    return _OF[outcome]


def worst(outcomes: Iterable[Outcome]) -> DeviceState:
    """Return the worst that these outcomes say."""
    return min((_OF[outcome] for outcome in outcomes), key=_ORDER.index, default=DeviceState.UNKNOWN)
