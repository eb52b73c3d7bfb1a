"""Creates the plugins of a stage from their sections of the configuration."""

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Generic, Literal, NamedTuple, TypeVar, overload

from pollers.plugins.base import (
    Classify,
    DiscoveryPlugin,
    EnrichmentPlugin,
    Kind,
    ListingPlugin,
    OptionError,
    PluginContext,
    PollingPlugin,
    Secrets,
    TransformPlugin,
    as_found,
    no_secrets,
)
from pollers.plugins.profile_watches import ProfileWatches
from pollers.plugins.registry import make
from pollers.snmp.client import Access, Device, Probed, ProbePace, Session, Target
from schemas.errors import FatalError
from schemas.records import EnrichedResource, Resource
from streams.runtime.settings.loading import PluginSection, Settings, SettingsError
from streams.scheduling.filter_fields import ENRICHED, RESOURCE
from streams.scheduling.filters import compile_over

Make = Callable[[Kind, str, PluginContext], object]
P_co = TypeVar("P_co", covariant=True)


class Installed(NamedTuple, Generic[P_co]):
    section: PluginSection
    wants: Callable[[Resource | EnrichedResource], bool]  #: the section's filter
    instance: P_co  #: of the kind's Protocol


class Offered(NamedTuple):
    """The services that plugins get besides their section."""

    snmp: Access
    now_ms: Callable[[], int]
    secret: Secrets = no_secrets
    classify: Classify = as_found


class NoAccess:
    """SNMP access that refuses: for transforms, and for plugins that are only created to check their options."""

    def open(self, device: Device, deadline_s: float) -> AbstractAsyncContextManager[Session]:
        raise FatalError(f"a factory or transform must not open a session ({device.endpoint}, {deadline_s:g} s)")

    def probe(self, site: str, targets: Iterator[Target], pace: ProbePace) -> AsyncGenerator[Probed, None]:  # noqa: ARG002
        raise FatalError(f"a factory or transform must not ask devices (site {site})")

    async def close(self) -> None:
        """Do nothing."""


class Plugins:
    """Creates the enabled plugins of a kind, in the order of their sections' names."""

    def __init__(
        self, settings: Settings, offered: Offered, know: Callable[[EnrichedResource], None] = lambda _known: None
    ) -> None:
        self._settings = settings
        self._offered = offered
        self._profiles = ProfileWatches()
        self.know = know  #: takes what is known of a resource, before its plugins are called

    def _make(self, kind: Kind, name: str, context: PluginContext) -> object:
        return make(kind, name, replace(context, profiles=self._profiles))

    @overload
    def of(self, kind: Literal[Kind.DISCOVERY]) -> Sequence[Installed[DiscoveryPlugin | ListingPlugin]]: ...

    @overload
    def of(self, kind: Literal[Kind.ENRICHMENT]) -> Sequence[Installed[EnrichmentPlugin]]: ...

    @overload
    def of(self, kind: Literal[Kind.POLLING]) -> Sequence[Installed[PollingPlugin]]: ...

    @overload
    def of(self, kind: Literal[Kind.TRANSFORM]) -> Sequence[Installed[TransformPlugin]]: ...

    def of(self, kind: Kind) -> Sequence[Installed[object]]:
        """Return the plugins of a kind. Raises SettingsError, naming every section that is wrong."""
        installed: list[Installed[object]] = []
        problems: list[str] = []
        for section in self._settings.plugins(kind):
            try:
                instance = make_plugin(section, self._make, self._offered)
            except SettingsError as error:
                problems += error.problems
            else:
                installed.append(Installed(section, _fits(section), instance))
        if problems:
            raise SettingsError(*problems)
        return installed


def _fits(section: PluginSection) -> Callable[[Resource | EnrichedResource], bool]:
    """Return the section's filter; of a Resource nothing is known that enrichment found."""
    if section.kind in (Kind.ENRICHMENT, Kind.POLLING):
        of_known = compile_over(section.filter, ENRICHED)
        return lambda thing: of_known(thing if isinstance(thing, EnrichedResource) else _nothing_known(thing))
    of_resource = compile_over(section.filter, RESOURCE)
    return lambda thing: of_resource(thing.resource if isinstance(thing, EnrichedResource) else thing)


def _nothing_known(resource: Resource) -> EnrichedResource:
    return EnrichedResource(resource=resource, enrichments={}, jobs=(), jobs_since_ms=0)


def make_plugin(section: PluginSection, make: Make, offered: Offered) -> object:
    """Create the section's plugin. Raises SettingsError with a line for each option that keeps it from being made."""
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
