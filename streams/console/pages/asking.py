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
    """Return an argument. Raises BadAddressError where it is too long."""
    value = request.query_params.get(name, default)
    if len(value) > LONGEST:
        raise BadAddressError(f"{name}: expected at most {LONGEST} characters, found {len(value)}")
    return value


def number(request: Request, name: str) -> int | None:
    """Return a whole number from 0 on, or None where it is not there. Raises BadAddressError."""
    value = text(request, name)
    if not value:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) <= 11):
        raise BadAddressError(f"{name}: expected a whole number, found {value[:40]!r}")
    return int(value)


def asked(request: Request) -> AskedNumber:
    """Return which number is meant. Raises BadAddressError."""
    resource, group, row, name = (text(request, name) for name in ("id", "group", "row", "name"))
    return AskedNumber(resource, group, row, name, number(request, "slot"))


def span(request: Request) -> tuple[str, int]:
    """Return the range's name and its seconds. Raises BadAddressError."""
    value = text(request, "range", "1h")
    if value not in RANGES:
        raise BadAddressError(f"range: expected one of {', '.join(RANGES)}, found {value[:40]!r}")
    return value, RANGES[value]


def until(request: Request, now_s: int) -> int:
    """Return until when a plot goes, Unix seconds. Raises BadAddressError for a time that has not been."""
    end_s = number(request, "end")
    if end_s is not None and end_s > now_s + 60:
        raise BadAddressError(f"end: expected a time that has been, found {end_s}")
    return now_s if end_s is None else end_s
