"""The built-in transform `derived`: declares derived values in the configuration.

    [transform:interface-shares]
    plugin = derived
    group = interface
    utilisation_in = octets_in / line.octets_in
    bits_in = octets_in * 8
    bits_in.unit = bits/s

Its values are worked out within the fold, for all rows at once, before other transforms see the gauges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pollers.plugins.base import OptionError, PluginContext
from schemas.records import Gauge, RawCounters
from streams.gauges.fold.derived import UNIT, Derived, parse

_UNIT: Final = ".unit"


@dataclass(frozen=True, slots=True)
class DerivedValues:
    """The derived values of one section; the fold computes them, so the transform itself changes nothing."""

    values: tuple[Derived, ...]

    def advance(
        self,
        state: bytes | None,
        sample: RawCounters,  # noqa: ARG002 - of the Protocol
        gauges: Sequence[Gauge],
    ) -> tuple[bytes, Sequence[Gauge]]:
        """Return the gauges as they are."""
        return state or b"", gauges


def create(context: PluginContext) -> DerivedValues:
    """Return the declared values. Raises OptionError, naming every declaration that is wrong."""
    problems: dict[str, str] = {}
    values: list[Derived] = []
    group = context.options.get("group", "")
    if not group:
        problems["group"] = "expected the metric group whose rows get the values, e.g. interface"
    declared = {name: text for name, text in context.options.items() if name != "group"}
    units = {name.removesuffix(_UNIT): declared.pop(name) for name in [*declared] if name.endswith(_UNIT)}
    for name, text in declared.items():
        try:
            values.append(parse(group, name, text, units.pop(name, UNIT)))
        except ValueError as problem:
            problems[name] = str(problem)
    problems |= {f"{name}{_UNIT}": f"there is no value {name} in the section" for name in units}
    if not values and not problems:
        problems["group"] = "expected at least one value beside it, e.g. utilisation_in = octets_in / line.octets_in"
    if problems:
        raise OptionError(problems)
    return DerivedValues(tuple(values))
