"""Parses the arguments of page requests; an invalid one becomes a page with a status."""

from typing import Final

from starlette.requests import Request

from streams.console.why.explained import AskedNumber

LONGEST: Final = 4_000  #: characters of one argument
RANGES: Final = {"5m": 300, "1h": 3_600, "6h": 21_600, "1d": 86_400, "7d": 604_800, "30d": 2_592_000, "90d": 7_776_000}
WEEK_S: Final = 604_800
POINTS: Final = 360  #: of a plot, at most


class BadAddressError(ValueError):
    """An argument is invalid; the text says what was expected."""


class NotThereError(LookupError):
    """The address is valid but names nothing that is known."""


def text(request: Request, name: str, default: str = "") -> str:
    """Return a text argument. Raises BadAddressError where it is too long."""
    value = request.query_params.get(name, default)
    if len(value) > LONGEST:
        raise BadAddressError(f"{name}: expected at most {LONGEST} characters, found {len(value)}")
    return value


def number(request: Request, name: str) -> int | None:
    """Parse a whole number from 0 on; None where it is absent. Raises BadAddressError."""
    value = text(request, name)
    if not value:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) <= 11):
        raise BadAddressError(f"{name}: expected a whole number, found {value[:40]!r}")
    return int(value)


def asked(request: Request) -> AskedNumber:
    """Return the number that the arguments name. Raises BadAddressError."""
    resource, group, row, name = (text(request, name) for name in ("id", "group", "row", "name"))
    return AskedNumber(resource, group, row, name, number(request, "slot"))


def span(request: Request) -> tuple[str, int]:
    """Return the name of a time range and its seconds. Raises BadAddressError."""
    value = text(request, "range", "1h")
    if value not in RANGES:
        raise BadAddressError(f"range: expected one of {', '.join(RANGES)}, found {value[:40]!r}")
    return value, RANGES[value]


def until(request: Request, now_s: int) -> int:
    """Return the end of a plot, Unix seconds. Raises BadAddressError for a time that has not been."""
    end_s = number(request, "end")
    if end_s is not None and end_s > now_s + 60:
        raise BadAddressError(f"end: expected a time that has been, found {end_s}")
    return now_s if end_s is None else end_s
