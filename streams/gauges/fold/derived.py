"""Derived values: expressions over the other numbers of their row, in the language of profiles.

    utilisation_in = octets_in / line.octets_in
    error_ratio_in = errors_in / (errors_in + unicast_packets_in)

`line.NAME` is the speed of the row's line, in the unit of the counter NAME per second.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np

from pollers.profiles.language.expr import Expression, ExpressionError, aggregates
from pollers.profiles.language.expr import names as names_of
from pollers.profiles.language.expr import parse as parse_expression
from schemas.records import Resource
from streams.gauges.limits import FILLS_A_LINE
from streams.gauges.reasons import NoRate
from streams.gauges.samples.sample import Numbers, Shape

#: of shares and ratios
UNIT: Final = "1"
_LINE: Final = "line"

_NAME: Final = re.compile(r"[^\d\W]\w*\Z")
#: two short forms, as sections have had them from the first: `utilisation METRIC` and `ratio METRIC + … / METRIC + …`
_UTILISATION: Final = re.compile(r"\s*utilisation\s+(\w+)\s*\Z")
_RATIO: Final = re.compile(r"\s*ratio\s+([^/]+)/([^/]+)\Z")


class Derived(NamedTuple):
    """A derived value that a section of the configuration declares."""

    group: str  #: metric group whose rows get it
    name: str
    expression: Expression
    unit: str = UNIT
    wants: Callable[[Resource], bool] | None = None  #: which resources get it; None = all


class Formula(NamedTuple):
    """A derived value of a sample, from a profile or from the configuration."""

    name: str
    expression: Expression | None  #: None: it cannot be read
    places: Mapping[str, int]  #: name -> position among the numbers of a row; none where the sample has no such number
    speeds: Mapping[
        str, Numbers | NoRate
    ]  #: `line.NAME` -> each row's, NaN where it is not known; or why there is none

    @property
    def inputs(self) -> tuple[str, ...]:
        """Return the operands in the row."""
        return tuple(self.places)


def parse(group: str, name: str, text: str, unit: str = UNIT) -> Derived:
    """Parse the declaration `name = text` for a group. Raises ValueError that says what was expected."""
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is no name for a value: expected letters, digits and underscores")
    try:
        expression = parse_expression(_RATIO.sub(r"(\1) / (\2)", _UTILISATION.sub(r"\1 / line.\1", text)))
    except ExpressionError as error:
        raise ValueError(f"{name}: {text.strip()!r}: expected {error}") from error
    for call in aggregates(expression.tree):
        raise ValueError(f"{name}: {call.function} reads other rows: a value is made of its own row alone")
    if not any(names_of(expression.tree)):
        raise ValueError(f"{name}: {text.strip()!r}: expected an expression with at least one metric of the group")
    return Derived(group, name, expression, unit)


def formula_of(name: str, expression: Expression | str, numbers: Iterable[str], shape: Shape) -> Formula:
    """Compile a declared value for samples of a shape; `numbers` are the names that come before it in the row."""
    if isinstance(expression, str):
        try:
            expression = parse_expression(expression)
        except ExpressionError:
            return Formula(name, None, {}, {})
    given = {number: position for position, number in enumerate(numbers)}
    read = dict.fromkeys(names_of(expression.tree))
    return Formula(
        name,
        expression,
        {path[0]: given[path[0]] for path in read if len(path) == 1 and path[0] in given},
        {".".join(path): _speeds(shape, path[1]) for path in read if len(path) == 2 and path[0] == _LINE},
    )


def _speeds(shape: Shape, metric: str) -> Numbers | NoRate:
    units = {spec.name: spec.unit for spec in shape.counters}
    if metric not in units:
        return NoRate.NO_SUCH_METRIC
    bits = FILLS_A_LINE.get(units[metric])
    if bits is None:
        return NoRate.WRONG_UNIT
    lines = shape.fixed.line_rates or (0,) * shape.rows
    return np.array([line / bits if line > 0 else math.nan for line in lines])
