"""Finds plugins by entry point, built-in and third-party ones alike."""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points

from pollers.plugins.base import GROUPS, Kind, OptionError, PluginContext


def available(kind: Kind) -> Mapping[str, EntryPoint]:
    """Return the installed plugins of a kind, by name."""
    return {point.name: point for point in entry_points(group=GROUPS[kind])}


def factory(kind: Kind, name: str) -> Callable[[PluginContext], object]:
    """Return the plugin's factory. Raises OptionError if none of that name is installed, or it cannot be imported."""
    found = available(kind)
    if name not in found:
        known = ", ".join(sorted(found)) or "none is installed"
        raise OptionError({"plugin": f"expected one of the installed {kind} plugins ({known}), found {name!r}"})
    try:
        made: Callable[[PluginContext], object] = found[name].load()
    except (ImportError, AttributeError) as problem:
        raise OptionError({"plugin": f"{name!r} ({found[name].value}) cannot be loaded: {problem}"}) from problem
    return made


def make(kind: Kind, name: str, context: PluginContext) -> object:
    """Create a plugin of the kind's Protocol. Raises OptionError for a name or options that cannot be used."""
    return factory(kind, name)(context)
