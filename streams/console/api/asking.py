"""Parses the arguments of API requests; an invalid one becomes a response with a status."""

from collections.abc import Mapping
from typing import Final

LONGEST: Final = 10_000  #: characters of one argument
PAGE_MOST: Final = 1_000


class BadRequestError(ValueError):
    """An argument is invalid; the text says what was expected."""


def text(query: Mapping[str, str], name: str, default: str = "") -> str:
    """Return a text argument. Raises BadRequestError where it is too long."""
    value = query.get(name, default)
    if len(value) > LONGEST:
        raise BadRequestError(f"{name}: expected at most {LONGEST} characters, found {len(value)}")
    return value


def needed(query: Mapping[str, str], name: str) -> str:
    """Return a required argument. Raises BadRequestError."""
    value = text(query, name)
    if not value:
        raise BadRequestError(f"{name}: expected a text, found nothing")
    return value


def number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    """Parse a whole number from 0 to `most`. Raises BadRequestError."""
    value = text(query, name)
    if name not in query:
        return default
    if not (value.isascii() and value.isdecimal() and len(value) <= len(str(most)) and int(value) <= most):
        raise BadRequestError(f"{name}: expected a whole number from 0 to {most}, found {value[:40]!r}")
    return int(value)


def paged(query: Mapping[str, str]) -> tuple[int, int]:
    """Parse page, from 1 on, and entries for each page. Raises BadRequestError."""
    page, entries = number(query, "page", 1, 1_000_000), number(query, "per_page", 100, PAGE_MOST)
    return max(page, 1), max(entries, 1)
