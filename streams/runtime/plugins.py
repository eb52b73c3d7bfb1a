"""The plugins of a stage, made once from their sections of the configuration."""

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

from pollers.plugins.base import Classify, Kind, OptionError, PluginContext, Secrets, as_found, no_secrets
from pollers.plugins.registry import make
from pollers.snmp.client import Access, Device, Probed, ProbePace, Session, Target
from schemas.errors import FatalError
from schemas.records import EnrichedResource
from streams.runtime.settings.loading import PluginSection, Settings, SettingsError
from streams.runtime.settings.plugin_sections import filtered_fields
from streams.scheduling.filters import compile_over

Make = Callable[[Kind, str, PluginContext], Any]


class Installed(NamedTuple):
    section: PluginSection
    wants: Callable[[Any], bool]  #: the section's filter, over what `filtered_fields` says
    instance: Any  #: of the kind's Protocol


class Offered(NamedTuple):
    """What plugins are given besides their section."""

    snmp: Access
    now_ms: Callable[[], int]
    secret: Secrets = no_secrets
    classify: Classify = as_found


class NoAccess:
    """SNMP for plugins that must not use it: transforms, and those only made to see whether they can be."""

    def open(self, device: Device, deadline_s: float) -> AbstractAsyncContextManager[Session]:
        raise FatalError(f"a factory or transform must not open a session ({device.endpoint}, {deadline_s:g} s)")

    def probe(self, site: str, targets: Iterator[Target], pace: ProbePace) -> AsyncGenerator[Probed, None]:  # noqa: ARG002
        raise FatalError(f"a factory or transform must not ask devices (site {site})")

    async def close(self) -> None:
        """Do nothing."""


class Plugins:
    """Makes the enabled plugins of a kind, in the order of their sections' names."""

    def __init__(
        self, settings: Settings, offered: Offered, know: Callable[[EnrichedResource], None] = lambda _known: None
    ) -> None:
        self._settings = settings
        self._offered = offered
        self.know = know  #: takes what is known of a resource, before its plugins are called

    def of(self, kind: Kind) -> Sequence[Installed]:
        """Return the plugins. Raises SettingsError, naming every section that is wrong."""
        installed: list[Installed] = []
        problems: list[str] = []
        for section in self._settings.plugins(kind):
            try:
                instance = make_plugin(section, make, self._offered)
            except SettingsError as error:
                problems += error.problems
            else:
                installed.append(Installed(section, compile_over(section.filter, filtered_fields(kind)), instance))
        if problems:
            raise SettingsError(*problems)
        return installed


def make_plugin(section: PluginSection, make: Make, offered: Offered) -> Any:
    """Return the section's plugin. Raises SettingsError with a line for each option that keeps it from being made."""
    context = PluginContext(
        section=section.name,
        interval_s=section.interval_s,
        options=section.options,
        snmp=offered.snmp,
        now_ms=offered.now_ms,
        secret=offered.secret,
        classify=offered.classify,
    )
    try:
        return make(section.kind, section.plugin, context)
    except OptionError as error:
        problems = error.problems
    except Exception as error:  # noqa: BLE001 - a third party's fault is told with the others, not as a traceback
        problems = {"plugin": f"{section.plugin!r} cannot be made: {type(error).__name__}: {error}"}
    raise SettingsError(
        *(f"{_where(section, option)}: [{section.title}] {option}: {text}" for option, text in problems.items())
    )


def _where(section: PluginSection, option: str) -> str:
    return section.where.get(option) or section.where.get("", "defaults")
