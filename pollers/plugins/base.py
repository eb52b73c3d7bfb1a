"""The five kinds of plugin as Protocols; docs/plugins.md explains how to write one.

A plugin is found by entry point (groups in `GROUPS`): the entry point names a factory, called once per configuration
section with a `PluginContext`. A factory does no I/O; it raises `OptionError` for options it cannot use.
"""

import enum
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

from pollers.plugins.batch import Batch, TryAgain, Written
from pollers.plugins.profile_watches import ProfileWatches
from pollers.sample import Sample
from pollers.snmp.client import Access
from schemas.errors import PanoptesError
from schemas.records import (
    EnrichedResource,
    Enrichment,
    Gauge,
    Job,
    Outcome,
    RawCounters,
    Resource,
    Unfollowed,
)

__all__ = [
    "GROUPS",
    "Discovery",
    "DiscoveryPlugin",
    "EnrichmentPlugin",
    "Kind",
    "KnownDevice",
    "ListingPlugin",
    "OptionError",
    "PluginContext",
    "Poll",
    "PollingPlugin",
    "ProfileUser",
    "Sample",
    "SightingBatch",
    "TransformPlugin",
]


class Kind(enum.StrEnum):
    """The kinds of plugin; also the middle part of a section's name, `[polling:interfaces]`."""

    DISCOVERY = "discovery"
    ENRICHMENT = "enrichment"
    POLLING = "polling"
    TRANSFORM = "transform"
    SINK = "sink"


GROUPS: Mapping[Kind, str] = {
    Kind.DISCOVERY: "panoptes.discovery",
    Kind.ENRICHMENT: "panoptes.enrichment",
    Kind.POLLING: "panoptes.polling",
    Kind.TRANSFORM: "panoptes.transforms",
    Kind.SINK: "panoptes.sinks",
}


class OptionError(PanoptesError):
    """Invalid options of a plugin's section: option name -> what was expected."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{option}: {expected}" for option, expected in problems.items()))
        self.problems = problems


Secrets: TypeAlias = Callable[[str], Awaitable[str]]


async def no_secrets(name: str) -> str:
    """Return None for every name: there are no secrets. Raises TryAgain."""
    raise TryAgain(f"the secret {name} cannot be read here")


Classify: TypeAlias = Callable[[Resource, Mapping[str, str]], Resource]


def as_found(found: Resource, _facts: Mapping[str, str]) -> Resource:
    """Return the resource unchanged."""
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginContext:
    """Everything that a plugin gets when it is created."""

    section: str  #: name of its section without the kind, e.g. interfaces
    interval_s: int  #: how often it runs; 0 for transforms and sinks
    options: Mapping[str, str]  #: the rest of its section, as strings
    snmp: Access  #: opens sessions with devices
    now_ms: Callable[[], int]  #: the clock, Unix milliseconds
    profiles: ProfileWatches = field(default_factory=ProfileWatches)  #: device profiles, shared by a worker's plugins
    secret: Secrets = no_secrets  #: gives what stands under a name with the other secrets; raises BackendError
    #: gives a device that nobody has named yet its class and id, by the facts that it told
    classify: Classify = as_found


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """All results of one complete discovery run."""

    resources: Sequence[Resource]
    problems: Sequence[str] = ()  #: what was passed over and why, with file and line where there is one
    failed: str = ""  #: why the run cannot tell what is there; empty where it can


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingBatch:
    """One batch of results from a discovery that reports step by step."""

    resources: Sequence[Resource] = ()
    problems: Sequence[str] = ()  #: what was passed over and why
    unfollowed: Sequence[Unfollowed] = ()  #: neighbours that could not be asked, or did not answer
    failed: str = ""  #: why this run cannot tell what is there; empty where it can
    #: what a run goes on from if this one is cut short, kept once the resources are stored; None: what was kept before
    state: bytes | None = None
    done: int = 0  #: of `total`, in the plugin's own measure
    total: int = 0


class KnownDevice(Protocol):
    """Read access to the inventory for discovery plugins."""

    def at(self, site: str, address: str) -> Resource | None:
        """Return the site's resource with this address (its endpoint's, or one of its `addresses`)."""
        ...

    def sites_at(self, address: str) -> frozenset[str]:
        """Return the sites of which a resource has this address."""
        ...

    def named(self, site: str, resource_id: str) -> Resource | None:
        """Return the site's resource with this id, whatever its class and type."""
        ...

    def identified(self, site: str, identifier: str, value: str) -> Sequence[Resource]:
        """Return the site's resources with this identifier (`schemas.records.IDENTIFIERS`)."""
        ...

    def seen_by(self, section: str) -> Iterator[Resource]:
        """Yield the resources that a discovery section sees."""
        ...

    def neighbours(self, site: str) -> Iterator[tuple[Resource, Mapping[str, Mapping[str, str]]]]:
        """Yield the site's resources that have neighbours, and those: row -> its fields, as enrichment found them."""
        ...


class DiscoveryPlugin(Protocol):
    def discover(self, known: KnownDevice, state: bytes | None) -> AsyncIterator[SightingBatch]:
        """Yield batches of sightings; `state` is that of the last batch of an interrupted run."""
        ...


class ListingPlugin(Protocol):
    """A discovery plugin that returns all its results at once: the simpler way to write one."""

    async def discover(self) -> Discovery: ...


class EnrichmentPlugin(Protocol):
    async def enrich(self, resource: Resource) -> Mapping[str, Enrichment]:
        """Return what was found, by namespace. Raises DeviceError: the last good enrichment then stays in force."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """The result of one poll. An expected failure is a value: `poll` raises nothing but cancellation."""

    outcome: Outcome
    reason: str = ""  #: for people: what happened and what to check
    samples: Sequence[Sample] = ()
    packets_sent: int = 0
    retries: int = 0
    values: int = 0
    unreachable_since_ms: int | None = None


class PollingPlugin(Protocol):
    def jobs(self, resource: Resource, enrichments: Mapping[str, Enrichment]) -> Sequence[Job]:
        """Return the jobs that this section wants for the resource; pure, called whenever its enrichments change."""
        ...

    async def poll(self, resource: EnrichedResource, job: Job, slot: int) -> Poll: ...


@runtime_checkable
class ProfileUser(Protocol):
    """Optional methods of a plugin that uses device profiles: numbers for the worker's metrics."""

    @property
    def broken_profiles(self) -> int:
        """Return the number of problems in the profile files; broken files leave the previous profiles in force."""
        ...

    @property
    def profile_changes(self) -> int:
        """Return how often the profiles were reloaded with changes."""
        ...


@runtime_checkable
class GapCounter(Protocol):
    """An optional method of a plugin that uses device profiles: counts devices without a vendor's profile."""

    @property
    def unfitted(self) -> Mapping[str, int]:
        """Return the number of devices without a vendor's profile, by sysObjectID."""
        ...


class TransformPlugin(Protocol):
    """A pure fold over the samples and gauges of one (resource, job, group); its state is opaque bytes."""

    def advance(
        self, state: bytes | None, sample: RawCounters, gauges: Sequence[Gauge]
    ) -> tuple[bytes, Sequence[Gauge]]:
        """Return the new state and the gauges to publish in place of the given ones.

        The same state and input must give the same bytes: replays rely on it. A group of gauges whose `group` differs
        from the sample's is published beside the built-in ones.
        """
        ...


class SinkPlugin(Protocol):
    """Stores records outside Kafka. A batch may come again, whole: storing it twice must do no harm."""

    async def write(self, batch: Batch) -> Written:
        """Store the batch and return the result; return only once everything is safe.

        Raises TryAgain where it has to wait: the same object comes again; CannotEver where waiting does not help.
        """
        ...

    async def close(self) -> None:
        """Close connections and files."""
        ...


@runtime_checkable
class ViewSinkPlugin(Protocol):
    """A sink without committed offsets: every worker reads all records newer than `look_back_s`, then follows.

    It is a SinkPlugin too. What it keeps is its own, and bounded by itself.
    """

    look_back_s: float

    async def serve(self) -> None:
        """Serve until cancelled, beside the calls of `write`."""
        ...

    def left(self, resource: str) -> None:
        """Forget a device that has left the inventory."""
        ...
