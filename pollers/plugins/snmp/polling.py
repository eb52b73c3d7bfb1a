"""The polling plugin `snmp`: polls a device over SNMP by its profile (docs/profiles.md)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from pollers.plugins.base import OptionError, PluginContext, Poll
from pollers.plugins.snmp.device_facts import DEVICE, STANDARD_MIBS, without_vendors_profile
from pollers.plugins.snmp.followed_profiles import FollowedProfiles
from pollers.profiles.memory.facts import known_from_facts, namespace_of, numeric_names
from pollers.profiles.model import Group, Profile
from pollers.profiles.reading.collect import samples_of
from pollers.profiles.reading.constants import FAULTS
from pollers.profiles.reading.frames import Known
from pollers.profiles.reading.plan import Plan, make_plan
from pollers.profiles.reading.poll import Reading, read_device
from pollers.profiles.reading.state import DeviceState, PackedState, shared
from pollers.profiles.standards import profiles_of, read
from pollers.sample import Sample
from pollers.snmp.client import Device, Session
from pollers.snmp.errors import AuthRefused, DeadlineExceeded, NoAnswer, SnmpError, Unreachable
from schemas.records import EnrichedResource, Enrichment, Job, Outcome, Resource

OPTIONS: Final = ("profile", "fallback", "profiles", "groups", "deadline_s")
#: a device that was not polled for this long is not counted among those without a vendor's profile
_COUNTED_FOR_MS: Final = 3_600_000
#: a device that was not polled for this long is forgotten
_FORGET_AFTER_MS: Final = 2 * 86_400_000
_FORGET_EVERY_MS: Final = 60_000

_OUTCOMES: Final = {
    Unreachable: Outcome.UNREACHABLE,
    NoAnswer: Outcome.TIMEOUT,
    DeadlineExceeded: Outcome.TIMEOUT,
    AuthRefused: Outcome.AUTH,
}


class SnmpProfile:
    """Polls every group of the profile that fits the device."""

    def __init__(self, context: PluginContext) -> None:
        """Raises OptionError."""
        self.followed = FollowedProfiles(context, OPTIONS)
        for option, name in (("profile", self.followed.fixed), ("fallback", self.followed.fallback)):
            if name and name not in self.followed.watch.library.profiles:
                raise OptionError({option: f"expected a profile that exists, found {name!r}"})
        self._context = context
        self._groups = frozenset(context.options.get("groups", "").replace(",", " ").split())
        self._plans: dict[tuple[str, tuple[str, ...], int], Plan] = {}
        self._states: dict[tuple[str, str], PackedState] = {}  #: by resource and job
        self._forget_at_ms = 0

    @property
    def broken_profiles(self) -> int:
        return self.followed.broken_profiles

    @property
    def profile_changes(self) -> int:
        return self.followed.profile_changes

    @property
    def unfitted(self) -> Mapping[str, int]:
        """Return the number of polled devices without a vendor's profile, by sysObjectID."""
        since_ms, found = self._context.now_ms() - _COUNTED_FOR_MS, dict[str, str]()
        for (identity, _job), state in self._states.items():
            oid = without_vendors_profile(state.enrichments or {})
            if oid is not None and (state.polled_at_ms or 0) > since_ms:
                found[identity] = oid
        return Counter(found.values())

    def jobs(self, resource: Resource, enrichments: Mapping[str, Enrichment]) -> Sequence[Job]:  # noqa: ARG002
        """Return one job per interval that the device's profile has groups for."""
        profile = self.followed.profile(self._profile_name(enrichments), self._standards(enrichments))
        if profile is None:
            return []
        intervals = sorted({profile.interval_of(group, self._context.interval_s) for group in self._wanted(profile)})
        return [Job(plugin=self._context.section, profile=profile.name, interval_s=every) for every in intervals]

    async def poll(self, resource: EnrichedResource, job: Job, slot: int) -> Poll:  # noqa: ARG002
        now_ms = await self.followed.now_ms()
        if now_ms >= self._forget_at_ms:
            self._forget(now_ms)
        key = (resource.resource.identity, job.name)
        packed = self._recall(key, resource, job)
        if packed is None:
            return Poll(
                outcome=Outcome.INTERNAL, reason=f"no profile {job.profile!r} here: see `panoptes profile lint`"
            )
        where = resource.resource
        device = Device(where.site, where.resource_id, where.endpoint)
        deadline_s = self.followed.given_deadline_s or job.interval_s * 0.9
        session: Session | None = None
        try:
            async with self._context.snmp.open(device, deadline_s) as session:
                reading = await read_device(session, packed.unpack(), self._context.now_ms())
        except SnmpError as error:
            return _failed(error, session)
        poll = to_poll(reading, session)
        self._states[key] = reading.state.pack()
        reading.frames.clear()
        return poll

    def _profile_name(self, enrichments: Mapping[str, Enrichment]) -> str:
        device = enrichments.get(DEVICE)
        facts = device.facts if device is not None else {}
        return self.followed.name_for(facts.get("sys_object_id"), facts.get("sys_descr"))

    def _standards(self, enrichments: Mapping[str, Enrichment]) -> tuple[str, ...]:
        """Return the profiles of the standard MIBs that the device has; none where the section names its profile."""
        device = enrichments.get(DEVICE)
        return () if device is None or self.followed.fixed else profiles_of(read(device.facts.get(STANDARD_MIBS)))

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

    def _recall(self, key: tuple[str, str], resource: EnrichedResource, job: Job) -> PackedState | None:
        """Return what is kept of the device, brought up to date; None where there is no profile for it."""
        found, library = self._states.get(key), self.followed.watch.library
        if found is not None and found.enrichments is resource.enrichments and found.library is library:
            return found
        standards = self._standards(resource.enrichments)
        name = self._profile_name(resource.enrichments)
        profile = self.followed.profile(name, standards) or self.followed.profile(job.profile)
        if profile is None:
            return None
        plan = self._plan(profile, standards, job.interval_s)
        if found is None or found.plan is not plan:
            found = DeviceState(plan=plan).pack()
        offered = _offered(plan, resource.enrichments)
        found = found._replace(offered=offered, enrichments=resource.enrichments, library=library)
        self._states[key] = found
        return found

    def _forget(self, now_ms: int) -> None:
        self._forget_at_ms, before_ms = now_ms + _FORGET_EVERY_MS, now_ms - _FORGET_AFTER_MS
        gone = [key for key, state in self._states.items() if (state.polled_at_ms or before_ms) < before_ms]
        for key in gone:
            del self._states[key]


def _offered(plan: Plan, enrichments: Mapping[str, Enrichment]) -> Mapping[str, Known]:
    """Return what enrichment knows of slow columns, by table."""
    found: dict[str, Known] = {}
    for table, names in plan.slow_names.items():
        namespace = namespace_of(table)
        enrichment = enrichments.get(namespace)
        if enrichment is not None and enrichment.rows:
            numeric = shared(numeric_names(plan.profile.tables[table]))
            found[table] = known_from_facts(enrichments, namespace, names, numeric)
    return found


def to_poll(reading: Reading, session: Session) -> Poll:
    """Return the result for a device that answered: success, or partial with what is missing.

    Of a group that had rows before and has none now there is an empty sample, once. A poll that broke off somewhere
    ends neither groups nor rows, since what rows are known by may be made of what was not read.
    """
    plan, state = reading.state.plan, reading.state
    readable = [group for group in plan.groups if not reading.unread.intersection(group.tables)]
    samples = samples_of(plan, reading.frames, reading.clock, readable, state.unchanged)
    reasons = list(reading.problems)
    for sample in samples:
        faults = sorted({f"{cells.column}: {cells.reason}" for cells in sample.missing if cells.reason in FAULTS})
        reasons += [f"{sample.group}: {fault}" for fault in faults[:5]]
    if not samples and not reasons:
        reasons.append(f"profile {plan.profile.name} finds nothing on this device")
    if reading.problems:
        samples = [replace(sample, complete=False) for sample in samples]
    samples += _ended(reading, samples, state.shown)
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


def create(context: PluginContext) -> SnmpProfile:
    """Return the plugin. Raises OptionError."""
    return SnmpProfile(context)
