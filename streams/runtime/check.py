"""Checks of a configuration that need the plugins themselves."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from pollers.plugins.base import Kind, OptionError, PluginContext
from pollers.snmp.client import Device, Session
from streams.runtime.plugin_sections import PluginSection
from streams.runtime.settings import Settings, shown_option

Make = Callable[[Kind, str, PluginContext], Any]


class NoAccess:
    """SNMP for a plugin that is only made to see whether it can be."""

    def open(self, device: Device, deadline_s: float) -> AbstractAsyncContextManager[Session]:
        raise OptionError({"plugin": f"a factory must not open a session ({device.endpoint}, {deadline_s:g} s)"})

    async def close(self) -> None:
        """Do nothing."""


def plugin_problems(settings: Settings, make: Make) -> list[str]:
    """Return what keeps the sections' plugins from being made: a line for each option, of disabled sections too."""
    return [problem for section in settings.plugin_sections for problem in _problems(section, make)]


def _problems(section: PluginSection, make: Make) -> list[str]:
    context = PluginContext(
        section=section.name,
        interval_s=section.interval_s,
        options=section.options,
        snmp=NoAccess(),
        now_ms=lambda: 0,
    )
    try:
        make(section.kind, section.plugin, context)
    except OptionError as error:
        return _lines(section, error.problems)
    except Exception as error:  # noqa: BLE001 - a third party's fault is told with the others, not as a traceback
        return _lines(section, {"plugin": f"{section.plugin!r} cannot be made: {type(error).__name__}: {error}"})
    return []


def _lines(section: PluginSection, problems: Mapping[str, str]) -> list[str]:
    return [f"{_where(section, option)}: [{section.title}] {option}: {text}" for option, text in problems.items()]


def _where(section: PluginSection, option: str) -> str:
    return section.where.get(option) or section.where.get("", "defaults")


def plugin_values(section: PluginSection) -> dict[str, str]:
    """Return what a plugin's section says, as it may be printed."""
    values = {
        "plugin": section.plugin,
        "interval_s": str(section.interval_s),
        "filter": section.filter,
        "enabled": str(section.enabled).lower(),
    }
    return values | {key: shown_option(section, key) for key in section.options}
