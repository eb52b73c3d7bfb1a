"""Formats numbers, times and states for people. SI prefixes; octets a second are shown as bit/s."""

import datetime as dt
from typing import Final

_PREFIXES: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_OCTETS_PER_S: Final = "octets/s"
MISSING: Final = "-"


def si(number: float, unit: str) -> str:
    """Format a number with three significant digits, an SI prefix where it is large, and its unit."""
    for size, prefix in _PREFIXES:
        if abs(number) >= size:
            return f"{number / size:.3g} {prefix}{unit}"
    return f"{number:.3g} {unit}".rstrip()


def quantity(number: float | None, unit: str) -> str:
    """Format a number of a gauge for people."""
    if number is None:
        return MISSING
    if unit == _OCTETS_PER_S:
        return si(number * 8, "bit/s")
    if unit in {"ratio", "1"} and 0 <= number <= 1:
        return f"{number * 100:.3g} %"
    if unit == "percent":
        return f"{number:.3g} %"
    return si(number, "" if unit == "1" else unit)


def share(number: float | None) -> str:
    return MISSING if number is None else f"{number * 100:.3g} %"


def moment(at_ms: int | None) -> str:
    """Format a time as ISO 8601 in UTC; a dash for one out of range."""
    try:
        return MISSING if at_ms is None else f"{dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC):%Y-%m-%d %H:%M:%S}Z"
    except (ValueError, OverflowError, OSError):
        return MISSING


def age(seconds: float) -> str:
    """Format a duration in its largest unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def safe(text: str, most: int = 300) -> str:
    """Remove control and direction characters from a device's text, which could move or hide other text."""
    shown = text[: most + 1]
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else " " for char in shown)
    return f"{shown[:most]}…" if len(text) > most else shown


def readable(text: str, most: int = 20_000) -> str:
    """Remove the same from several lines of text."""
    return "\n".join(safe(line, most) for line in text[:most].split("\n"))


def sparkline(values: list[float | None], width: int = 80, height: int = 18) -> list[str]:
    """Return the points of polylines, one for each stretch without a gap."""
    known = [value for value in values if value is not None]
    top = max(known, default=0.0) or 1.0
    step = width / max(len(values) - 1, 1)
    pieces: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{place * step:.1f},{height - 1 - value / top * (height - 2):.1f}")
    return [" ".join(piece) for piece in pieces if piece]
