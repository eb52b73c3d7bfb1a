"""Interprets a store's HTTP answer. Nothing here sends anything."""

import enum
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

_SHOWN: Final = 200
_LONGEST_WAIT_S: Final = 600.0
#: how stores say that they have a sample, or a later one of its series, or that it is older than what they take
_REPEAT: Final = re.compile(
    r"out[ -]of[ -]order|out of bounds|duplicate[ -]sample|duplicate[ -]timestamp|sample-timestamp-too-old|too old"
    r"|too far behind|beyond retention|older than|before the oldest",
    re.IGNORECASE,
)


class Answer(enum.StrEnum):
    """The result of a request; also the metric's label."""

    STORED = "stored"
    BUSY = "busy"  #: send the same again, later
    KEPT_OUT = "kept-out"  #: likewise, but somebody has to do something
    TOO_LARGE = "too-large"  #: send it in parts
    REPEAT = "repeat"  #: something in it is there already, or will never be taken for its age
    BAD = "bad"  #: something in it will never be taken


class Judged(NamedTuple):
    answer: Answer
    said: str = ""  #: for people, without anything that was sent to the store
    after_s: float | None = None  #: how long to wait, where the store said so


#: statuses that say that something has to be set right first, and what it may be
_KEPT_OUT: Final = {
    401: "no user, or a wrong one",
    403: "the user may not write here",
    404: "nothing takes writes at this address",
    405: "this address takes no writes",
    406: "this address takes another form",
    415: "this address takes another form",
}


def judge(status: int, headers: Mapping[str, str], body: str, now_s: float) -> Judged:
    """Interpret an answer; `headers` has names in lower case, `now_s` is Unix time."""
    said = f"{status} {' '.join(body.split())[:_SHOWN]}".strip()
    if 200 <= status < 300:
        return Judged(Answer.STORED)
    if status in (408, 425, 429) or status >= 500:
        return Judged(Answer.BUSY, said, retry_after_s(headers.get("retry-after", ""), now_s))
    if status == 413:
        return Judged(Answer.TOO_LARGE, said)
    if status in (400, 409, 422):
        return Judged(Answer.REPEAT if _REPEAT.search(body) else Answer.BAD, said)
    return Judged(Answer.KEPT_OUT, f"{said} ({_KEPT_OUT.get(status, 'this is no answer of a store')})")


def retry_after_s(value: str, now_s: float) -> float | None:
    """Return the wait of a Retry-After header (RFC 9110 §10.2.3: seconds or a date), at most ten minutes."""
    if value.strip().isdecimal():
        return min(float(value), _LONGEST_WAIT_S)
    try:
        at_s = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(at_s - now_s, 0.0), _LONGEST_WAIT_S)
