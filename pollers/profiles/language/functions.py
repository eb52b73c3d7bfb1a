"""The operators and functions of expressions, over values that are present."""

import math
import operator
from collections.abc import Callable
from typing import Final

from pollers.profiles.language.absent import Absent, Reason
from pollers.profiles.language.patterns import Pattern

#: characters of a text that is put together of others; without a bound it would double with each value made of it
MAX_TEXT: Final = 4_096
#: larger exponents only make infinities
MAX_EXPONENT: Final = 64


def power(base: float, exponent: float) -> float:
    if abs(exponent) > MAX_EXPONENT:
        raise OverflowError
    value: float | complex = base**exponent
    if isinstance(value, complex):
        raise OverflowError
    return value


def written(value: float) -> float:
    """Format a number as people write it: 0.3, not 0.30000000000000004.

    A double holds any number of 15 significant digits; what arithmetic leaves behind them is noise.
    """
    return value if value.is_integer() else float(f"{value:.15g}")


def scaled(value: float, scale: float) -> float:
    """Multiply a value by a scale, dividing where that is exact and multiplying is not (3 * 0.1)."""
    parts = round(1 / scale) if 0 < scale < 1 else 0
    if parts and parts * scale == 1.0:
        return value / parts
    return written(float(value * scale)) if isinstance(scale, float) and not scale.is_integer() else value * scale


ARITHMETIC: Final[dict[str, Callable[..., float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "**": power,
}

NUMERIC: Final[dict[str, Callable[..., float]]] = {
    "abs": abs,
    "floor": math.floor,
    "max": max,
    "min": min,
    "round": lambda value, digits=0.0: round(value, int(digits)),
}


def as_text(value: float | str) -> str:
    """Convert a value to text: whole numbers without a point."""
    if isinstance(value, str):
        return value
    return str(int(value)) if float(value).is_integer() else str(value)


def concat(*parts: float | str) -> str:
    """Join the parts to one text. Raises OverflowError above MAX_TEXT characters."""
    text = "".join(map(as_text, parts))
    if len(text) > MAX_TEXT:
        raise OverflowError
    return text


TEXTUAL: Final[dict[str, Callable[..., float | str]]] = {
    "concat": concat,
    "lower": lambda value: as_text(value).lower(),
    "number": float,
    "trim": lambda value: as_text(value).strip(),
}


def search(pattern: Pattern, text: str) -> str | Absent:
    """Return the first matched group, or the whole match where the pattern has no group."""
    match = pattern.search(text)
    if match is None:
        return Absent(Reason.NO_MATCH)
    return next((group for group in match.groups() if group is not None), match[0])
