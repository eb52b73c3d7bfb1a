"""Values made of other values, declared in configuration by name: shares of a line's speed, and ratios.

    utilisation_in = utilisation octets_in
    errors_in_ratio = ratio errors_in / errors_in + unicast_in + multicast_in + broadcast_in

There is no general expression language on purpose: these two are what rates of one row can say together.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from schemas.records import Resource

#: bits of line that one unit takes exactly; only these can be a share of a speed
BITS_PER_UNIT: Final = {"bits": 1.0, "octets": 8.0}
#: of both kinds
UNIT: Final = "1"

_NAME: Final = re.compile(r"[^\d\W]\w*\Z")
_EXPECTED: Final = "expected 'utilisation METRIC' or 'ratio METRIC + ... / METRIC + ...'"


class Derived(NamedTuple):
    """One declared value: the sum of `over` divided by the sum of `under`; by the line's speed where that is empty."""

    group: str  #: metric group whose rows get it
    name: str
    over: tuple[str, ...]
    under: tuple[str, ...] = ()
    wants: Callable[[Resource], bool] | None = None  #: which resources get it; None = all

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.over + self.under


def parse(group: str, name: str, text: str) -> Derived:
    """Return the value declared by `name = text` for a group. Raises ValueError that says what was expected."""
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is no name for a value: expected letters, digits and underscores")
    kind, _, rest = text.strip().partition(" ")
    if kind == "utilisation":
        metrics = _sum(rest)
        if len(metrics) != 1:
            raise ValueError(f"{name}: a utilisation is of one metric: {_EXPECTED}")
        return Derived(group, name, metrics)
    over, slash, under = rest.partition("/")
    if kind != "ratio" or not slash:
        raise ValueError(f"{name}: {text!r}: {_EXPECTED}")
    return Derived(group, name, _sum(over), _sum(under))


def _sum(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split("+"))
    for name in names:
        if not _NAME.match(name):
            raise ValueError(f"{name!r} is no metric: {_EXPECTED}")
    return names
