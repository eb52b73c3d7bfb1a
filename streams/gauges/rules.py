"""The settings of the fold: limits, and derived values that sections declare."""

from pollers.plugins.base import Kind
from pollers.plugins.registry import make
from streams.gauges.fold.derived import Derived
from streams.gauges.fold.plan import Rules
from streams.gauges.limits import RateLimits
from streams.gauges.transforms.derived_section import DerivedValues
from streams.runtime.plugins import NoAccess, Offered, make_plugin
from streams.runtime.settings.loading import Settings, SettingsError
from streams.scheduling.filters import compile_filter

_DERIVED = "derived"


def rules_of(settings: Settings) -> Rules:
    """Return the rules of the gauges stage. Raises SettingsError, naming each declaration that is wrong."""
    gauges = settings.gauges
    limits = RateLimits(line_rate_margin=gauges.line_rate_margin, max_gap_intervals=gauges.max_gap_intervals)
    return Rules(limits=limits, derived=_declared(settings), with_counters=gauges.emit_counters)


def _declared(settings: Settings) -> tuple[Derived, ...]:
    found: list[Derived] = []
    problems: list[str] = []
    for section in settings.plugins(Kind.TRANSFORM):
        if section.plugin != _DERIVED:
            continue
        try:
            instance = make_plugin(section, make, Offered(NoAccess(), lambda: 0))
        except SettingsError as error:
            problems += error.problems
            continue
        wants = compile_filter(section.filter) if section.filter else None
        if isinstance(instance, DerivedValues):
            found += [value._replace(wants=wants) for value in instance.values]
    if problems:
        raise SettingsError(*problems)
    return tuple(found)
