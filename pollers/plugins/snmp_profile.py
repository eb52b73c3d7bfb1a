"""Polling by profile over SNMP: the built-in polling plugin `snmp` (docs/profiles.md)."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pollers.plugins.base import OptionError, PluginContext, Poll
from pollers.plugins.device_facts import DEVICE, STANDARD_MIBS, without_vendors_profile
from pollers.profiles.loading.compose import Composer
from pollers.profiles.loading.library import Library
from pollers.profiles.match import best_profile
from pollers.profiles.memory.facts import known_from_facts, namespace_of, numeric_names
from pollers.profiles.memory.resting import Resting, rest, wake
from pollers.profiles.memory.sharing import Sharing
from pollers.profiles.model import Group, Profile
from pollers.profiles.place import Problem
from pollers.profiles.reading.collect import samples_of
from pollers.profiles.reading.constants import FAULTS, Steady
from pollers.profiles.reading.frames import Known
from pollers.profiles.reading.plan import Plan, make_plan
from pollers.profiles.reading.poll import Reading, read_device
from pollers.profiles.reading.walking import PollMemory
from pollers.profiles.standards import profiles_of, read
from pollers.sample import Sample
from pollers.snmp.client import Device, Session
from pollers.snmp.errors import AuthRefused, DeadlineExceeded, NoAnswer, SnmpError, Unreachable
from schemas.records import EnrichedResource, Enrichment, Job, Outcome, Resource

OPTIONS: Final = ("profile", "fallback", "profiles", "groups", "deadline_s")
DEFAULT_FALLBACK: Final = "if-mib"
#: a device that was not polled for this long is not counted among those without a vendor's profile
_COUNTED_FOR_MS: Final = 3_600_000
#: a device that was not polled for this long is forgotten
_FORGET_AFTER_MS: Final = 2 * 86_400_000

_OUTCOMES: Final = {
    Unreachable: Outcome.UNREACHABLE,
    NoAnswer: Outcome.TIMEOUT,
    DeadlineExceeded: Outcome.TIMEOUT,
    AuthRefused: Outcome.AUTH,
}

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Remembered:
    """What is kept between the polls of one (resource, job)."""

    plan: Plan
    #: as they were at the last poll: the plan and what is offered come from them
    enrichments: Mapping[str, Enrichment] | None = None
    library: Library | None = None  #: likewise
    learnt: Resting | None = None
    steady: dict[str, Steady] = field(default_factory=dict)
    offered: dict[str, Known] = field(default_factory=dict)  #: by enrichment, and not taken into what was learnt yet
    shown: set[str] = field(default_factory=set)  #: groups that had rows when they were last read


class SnmpProfile:
    """Polls every group of the profile that fits the device."""

    def __init__(self, context: PluginContext) -> None:
        """Raises OptionError."""
        options = context.options
        self._context = context
        self._fixed = options.get("profile") or None
        self._fallback = options.get("fallback", DEFAULT_FALLBACK)
        self._groups = frozenset(options.get("groups", "").replace(",", " ").split())
        self._deadline_s = _seconds(options.get("deadline_s", ""))
        problems = {name: f"expected one of {', '.join(OPTIONS)}" for name in options if name not in OPTIONS}
        if self._deadline_s is not None and self._deadline_s <= 0:
            problems["deadline_s"] = "expected seconds above 0"
        folders = profile_folders(options)
        for folder in folders:
            if not folder.is_dir():
                problems["profiles"] = f"expected folders that exist, found {folder}"
        if problems:
            raise OptionError(problems)
        self.watch = context.profiles.of(folders, report_problems)
        for option, name in (("profile", self._fixed), ("fallback", self._fallback)):
            if name and name not in self.watch.library.profiles:
                raise OptionError({option: f"expected a profile that exists, found {name!r}"})
        self._composer = Composer(self.watch.library)
        self._plans: dict[tuple[str, tuple[str, ...], int], Plan] = {}
        self._remembered: dict[tuple[str, str], Remembered] = {}
        self._sharing = Sharing()

    @property
    def broken_profiles(self) -> int:
        return self.watch.broken

    @property
    def profile_changes(self) -> int:
        return self.watch.changes

    @property
    def unfitted(self) -> Mapping[str, int]:
        """Return how many of the devices that are polled no vendor's profile fits, by sysObjectID."""
        since_ms, found = self._context.now_ms() - _COUNTED_FOR_MS, dict[str, str]()
        for (identity, _job), kept in self._remembered.items():
            oid = without_vendors_profile(kept.enrichments or {})
            if oid is not None and kept.learnt and kept.learnt.clock and kept.learnt.clock.polled_at_ms > since_ms:
                found[identity] = oid
        return Counter(found.values())

    def jobs(self, resource: Resource, enrichments: Mapping[str, Enrichment]) -> Sequence[Job]:  # noqa: ARG002
        """Return one job per interval that the device's profile has groups for."""
        profile = self._profile(self._profile_name(enrichments), self._standards(enrichments))
        if profile is None:
            return []
        intervals = sorted({profile.interval_of(group, self._context.interval_s) for group in self._wanted(profile)})
        return [Job(plugin=self._context.section, profile=profile.name, interval_s=every) for every in intervals]

    async def poll(self, resource: EnrichedResource, job: Job, slot: int) -> Poll:  # noqa: ARG002
        if self.watch.due(self._context.now_ms()):
            await asyncio.to_thread(self.watch.look)
            self._forget()
        remembered = self._recall(resource, job)
        if remembered is None:
            return Poll(
                outcome=Outcome.INTERNAL, reason=f"no profile {job.profile!r} here: see `panoptes profile lint`"
            )
        where = resource.resource
        device = Device(where.site, where.resource_id, where.endpoint)
        deadline_s = self._deadline_s or job.interval_s * 0.9
        session: Session | None = None
        memory = PollMemory() if remembered.learnt is None else wake(remembered.learnt)
        try:
            async with self._context.snmp.open(device, deadline_s) as session:
                reading = await read_device(
                    session, remembered.plan, memory, remembered.offered, self._context.now_ms()
                )
        except SnmpError as error:
            return _failed(error, session)
        known = reading.memory.known
        remembered.learnt = rest(reading.memory, self._sharing)
        remembered.offered = {name: one for name, one in remembered.offered.items() if known.get(name) is not one}
        poll = to_poll(remembered.plan, reading, session, remembered.steady, remembered.shown)
        reading.frames.clear()
        return poll

    def _profile_name(self, enrichments: Mapping[str, Enrichment]) -> str:
        if self._fixed:
            return self._fixed
        device = enrichments.get(DEVICE)
        if device is None:
            return self._fallback
        facts = device.facts
        profiles = self.watch.library.profiles.values()
        return best_profile(profiles, facts.get("sys_object_id"), facts.get("sys_descr")) or self._fallback

    def _standards(self, enrichments: Mapping[str, Enrichment]) -> tuple[str, ...]:
        """Return the profiles of the standard MIBs that the device has; none where the section names its profile."""
        device = enrichments.get(DEVICE)
        return () if device is None or self._fixed else profiles_of(read(device.facts.get(STANDARD_MIBS)))

    def _profile(self, name: str, standards: tuple[str, ...] = ()) -> Profile | None:
        if self._composer.library is not self.watch.library:
            self._composer = Composer(self.watch.library)
        return self._composer.profile(name, standards)

    def _wanted(self, profile: Profile) -> list[Group]:
        return [group for group in profile.groups.values() if not self._groups or group.name in self._groups]

    def _plan(self, profile: Profile, standards: tuple[str, ...], interval_s: int) -> Plan:
        key = (profile.name, standards, interval_s)
        known = self._plans.get(key)
        if known is None or (known.profile is not profile and known.profile != profile):
            groups = [
                group
                for group in self._wanted(profile)
                if profile.interval_of(group, self._context.interval_s) == interval_s
            ]
            known = self._plans[key] = make_plan(profile, groups)
        return known

    def _recall(self, resource: EnrichedResource, job: Job) -> Remembered | None:
        """Return what is kept of the device, brought up to date; None where there is no profile for it."""
        key = (resource.resource.identity, job.name)
        found = self._remembered.get(key)
        if found is not None and found.enrichments is resource.enrichments and found.library is self.watch.library:
            return found
        standards = self._standards(resource.enrichments)
        profile = self._profile(self._profile_name(resource.enrichments), standards) or self._profile(job.profile)
        if profile is None:
            return None
        plan = self._plan(profile, standards, job.interval_s)
        if found is None or found.plan is not plan:
            found = self._remembered[key] = Remembered(plan)
        _offer(found, resource, self._sharing)
        found.enrichments, found.library = resource.enrichments, self.watch.library
        return found

    def _forget(self) -> None:
        now_ms = self._context.now_ms()
        gone = [
            key
            for key, found in self._remembered.items()
            if found.learnt and found.learnt.clock and now_ms - found.learnt.clock.polled_at_ms > _FORGET_AFTER_MS
        ]
        for key in gone:
            del self._remembered[key]


def _offer(found: Remembered, resource: EnrichedResource, sharing: Sharing) -> None:
    """Take over what enrichment knows of slow columns."""
    found.offered.clear()
    for table, names in found.plan.slow_names.items():
        namespace = namespace_of(table)
        enrichment = resource.enrichments.get(namespace)
        if enrichment is not None and enrichment.rows:
            numeric = sharing.of(numeric_names(found.plan.profile.tables[table]))
            found.offered[table] = known_from_facts(resource.enrichments, namespace, names, numeric, sharing)


def to_poll(
    plan: Plan,
    reading: Reading,
    session: Session,
    steady: dict[str, Steady] | None = None,
    shown: set[str] | None = None,
) -> Poll:
    """Return what became of a poll whose device answered: success, or partial with what is missing.

    `steady` as in samples_of. `shown` has the groups that had rows before, and is brought up to date: of one that has
    none now there is an empty sample, once. A poll that broke off somewhere ends neither groups nor rows, since what
    rows are known by may be made of what was not read.
    """
    readable = [group for group in plan.groups if not reading.unread.intersection(group.tables)]
    samples = samples_of(plan, reading.frames, reading.clock, readable, steady)
    reasons = list(reading.problems)
    for sample in samples:
        faults = sorted({f"{cells.column}: {cells.reason}" for cells in sample.missing if cells.reason in FAULTS})
        reasons += [f"{sample.group}: {fault}" for fault in faults[:5]]
    if not samples and not reasons:
        reasons.append(f"profile {plan.profile.name} finds nothing on this device")
    if reading.problems:
        samples = [replace(sample, complete=False) for sample in samples]
    if shown is not None:
        samples += _ended(reading, samples, shown)
    outcome = Outcome.PARTIAL if reasons else Outcome.SUCCESS
    return _with_cost(Poll(outcome=outcome, reason="; ".join(reasons)[:1_000], samples=samples), session)


def _ended(reading: Reading, samples: Sequence[Sample], shown: set[str]) -> list[Sample]:
    here = {sample.group for sample in samples}
    gone = set() if reading.problems else shown - here
    shown -= gone
    shown |= here
    clock = reading.clock
    return [
        Sample(
            group=group,
            polled_at_ms=clock.polled_at_ms,
            uptime_cs=clock.uptime_cs,
            engine_boots=clock.engine_boots,
            index=(),
        )
        for group in sorted(gone)
    ]


def _failed(error: SnmpError, session: Session | None) -> Poll:
    poll = Poll(outcome=_OUTCOMES.get(type(error), Outcome.PARTIAL), reason=str(error))
    if isinstance(error, Unreachable):
        poll = replace(poll, unreachable_since_ms=error.since_ms)
    elif poll.outcome is Outcome.PARTIAL:
        poll = replace(poll, reason=f"nothing read: {error}")
    return poll if session is None else _with_cost(poll, session)


def _with_cost(poll: Poll, session: Session) -> Poll:
    stats = session.stats
    return replace(poll, packets_sent=stats.packets_sent, retries=stats.retries, values=stats.values)


def _seconds(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return -1.0


def profile_folders(options: Mapping[str, str]) -> list[Path]:
    """Return the folders of the option `profiles`, separated by colons or new lines."""
    return [Path(part.strip()) for part in options.get("profiles", "").replace("\n", ":").split(":") if part.strip()]


def report_problems(problems: Sequence[Problem]) -> None:
    """Log what is wrong with profiles, when that changes."""
    if not problems:
        log.info("profiles good again")
    for problem in problems[:20]:
        log.error("profile broken, the old one stays in force problem=%s", problem)


def create(context: PluginContext) -> SnmpProfile:
    """Return the plugin. Raises OptionError."""
    return SnmpProfile(context)
