"""Parses times on the command line."""

import math
import re
import time
from datetime import UTC, datetime
from typing import Final

import click

UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
LATEST: Final = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())  #: today's time in milliseconds is far beyond it


class WhenType(click.ParamType):
    """A time: Unix seconds, `15m` (ago; s, m, h or d), or 2025-01-31T12:00:00 (UTC unless it says otherwise)."""

    name = "when"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        moment = _moment(str(value).strip())
        if moment is None or not 0 <= moment <= LATEST:
            self.fail(
                f"{value!r}: expected Unix seconds, an age such as 15m, or a time such as 2025-01-31T12:00:00Z, "
                "from 1970 to 9999",
                param,
                ctx,
            )
        return moment


def _moment(text: str) -> int | None:
    """Return the Unix second that is meant, however far away it is, or None for another text."""
    if number := re.fullmatch(r"(\d{1,18})([smhd]?)", text):
        return int(time.time()) - int(number[1]) * UNITS_S[number[2]] if number[2] else int(number[1])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return math.floor((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
