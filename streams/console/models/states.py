"""What is said of a device or a poll in one word, worst first."""

import enum
from collections.abc import Sequence

from schemas.records import Outcome, PollStatus


class Health(enum.StrEnum):
    """How a device does; shown by a shape and a colour."""

    SILENT = "silent"  #: it does not answer
    AUTH = "auth"  #: it refuses us
    FAULT = "fault"  #: ours
    MISSED = "missed"  #: it was not asked
    PARTIAL = "partial"  #: it answered in part
    UNKNOWN = "unknown"  #: it was not polled yet
    GOOD = "good"


_OF = {
    Outcome.SUCCESS: Health.GOOD,
    Outcome.PARTIAL: Health.PARTIAL,
    Outcome.TIMEOUT: Health.SILENT,
    Outcome.UNREACHABLE: Health.SILENT,
    Outcome.AUTH: Health.AUTH,
    Outcome.MISSED: Health.MISSED,
    Outcome.INTERNAL: Health.FAULT,
}
_ORDER = list(Health)


def of_outcome(outcome: Outcome) -> Health:
    return _OF[outcome]


def health(polls: Sequence[PollStatus]) -> Health:
    """Return the worst that the newest poll of any job of a device says."""
    newest = {poll.job: poll for poll in polls}
    return min((of_outcome(poll.outcome) for poll in newest.values()), key=_ORDER.index, default=Health.UNKNOWN)
