"""The plugins of a stage, made once from their sections of the configuration."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pollers.plugins.base import Kind, OptionError, PluginContext
from pollers.plugins.registry import make
from pollers.snmp.client import Access
from schemas.records import Resource
from streams.runtime.settings import PluginSection, Settings, SettingsError
from streams.scheduling.filters import compile_filter


class Installed(NamedTuple):
    section: PluginSection
    wants: Callable[[Resource], bool]  #: the section's resource filter
    instance: Any  #: of the kind's Protocol


class Plugins:
    """Makes the enabled plugins of a kind, in the order of their sections' names."""

    def __init__(self, settings: Settings, snmp: Access, now_ms: Callable[[], int]) -> None:
        self._settings = settings
        self._snmp = snmp
        self._now_ms = now_ms

    def of(self, kind: Kind) -> Sequence[Installed]:
        """Return the plugins. Raises SettingsError, naming every section that is wrong."""
        installed: list[Installed] = []
        problems: list[str] = []
        for section in self._settings.plugins(kind):
            context = PluginContext(
                section=section.name,
                interval_s=section.interval_s,
                options=section.options,
                snmp=self._snmp,
                now_ms=self._now_ms,
            )
            try:
                installed.append(
                    Installed(section, compile_filter(section.filter), make(kind, section.plugin, context))
                )
            except OptionError as error:
                problems += [f"[{kind}:{section.name}] {option}: {text}" for option, text in error.problems.items()]
        if problems:
            raise SettingsError("\n".join(problems))
        return installed
