"""What a device says of itself, and which profile fits it: the built-in enrichment plugin `device-facts`."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from pollers.plugins.base import OptionError, PluginContext
from pollers.plugins.device_facts import DEVICE, NO_VENDORS_PROFILE, STANDARD_MIBS
from pollers.plugins.snmp_profile import DEFAULT_FALLBACK, profile_folders, report_problems
from pollers.profiles.language.absent import Absent
from pollers.profiles.language.functions import as_text
from pollers.profiles.loading.watch import Watch
from pollers.profiles.match import best_profile, is_vendors
from pollers.profiles.model import As, Profile
from pollers.profiles.reading.convert import raw_value
from pollers.profiles.standards import standards_of, written
from pollers.snmp.client import Device, Session
from pollers.snmp.errors import SnmpError
from schemas.records import Enrichment, Resource

OPTIONS: Final = ("fallback", "profiles", "deadline_s")
#: fact -> object of the system group (RFC 3418)
SYSTEM: Final = {
    "sys_descr": "1.3.6.1.2.1.1.1.0",
    "sys_object_id": "1.3.6.1.2.1.1.2.0",
    "sys_uptime_cs": "1.3.6.1.2.1.1.3.0",
    "sys_contact": "1.3.6.1.2.1.1.4.0",
    "sys_name": "1.3.6.1.2.1.1.5.0",
    "sys_location": "1.3.6.1.2.1.1.6.0",
}
DEFAULT_DEADLINE_S: Final = 30.0
#: devices whose standard MIBs are remembered; beyond that all are asked again, which costs a packet each
MOST_PROBED: Final = 200_000
#: the standard MIBs of a device that did not restart are looked for again after this time
PROBE_AGAIN_MS: Final = 86_400_000
#: enrichment counts for this many of its intervals, so that one failed run loses nothing
TTL_INTERVALS: Final = 3


class Probed(NamedTuple):
    """What was found at the last look for standard MIBs."""

    mibs: tuple[str, ...]
    at_ms: int
    uptime_cs: int
    sys_descr: str | None


class DeviceFacts:
    """Reads the system group in one request, and at first contact which standard MIBs there are in another."""

    def __init__(self, context: PluginContext) -> None:
        """Raises OptionError."""
        self._context = context
        self._fallback = context.options.get("fallback", DEFAULT_FALLBACK)
        self._deadline_s = float_option(context, "deadline_s", DEFAULT_DEADLINE_S)
        check_options(context, OPTIONS)
        self.watch = Watch(profile_folders(context.options), report_problems)
        self._probed: dict[str, Probed] = {}

    @property
    def broken_profiles(self) -> int:
        return self.watch.broken

    @property
    def profile_changes(self) -> int:
        return self.watch.changes

    async def enrich(self, resource: Resource) -> Mapping[str, Enrichment]:
        """Return the namespace `device`; `profile` in it is the one that fits. Raises DeviceError."""
        now_ms = self._context.now_ms()
        if self.watch.due(now_ms):
            await asyncio.to_thread(self.watch.look)
        device = Device(resource.site, resource.resource_id, resource.endpoint)
        async with self._context.snmp.open(device, self._deadline_s) as session:
            values = await session.get_many(list(SYSTEM.values()))
            facts = {
                name: as_text(cell)
                for name, value in zip(SYSTEM, values, strict=True)
                if not isinstance(cell := raw_value(value.type, value.data, As.AUTO), Absent)
            }
            facts[STANDARD_MIBS] = written(await self._standards(resource.identity, session, facts, now_ms))
        profiles = self.watch.library.profiles
        matched = best_profile(profiles.values(), facts.get("sys_object_id"), facts.get("sys_descr"))
        facts["profile"] = matched or self._fallback
        if matched is None or not is_vendors(profiles[matched]):
            facts[NO_VENDORS_PROFILE] = "yes"
        found = Enrichment(
            plugin=self._context.section,
            collected_at_ms=now_ms,
            ttl_s=self._context.interval_s * TTL_INTERVALS,
            facts=facts,
        )
        return {DEVICE: found}

    async def _standards(
        self, identity: str, session: Session, facts: Mapping[str, str], now_ms: int
    ) -> tuple[str, ...]:
        """Return the standard MIBs of the device: remembered until it restarts, changes its software, or a day is over.

        One that fails to answer keeps what was found before.
        """
        uptime = facts.get("sys_uptime_cs", "")
        uptime_cs, descr = int(uptime) if uptime.isdecimal() else 0, facts.get("sys_descr")
        before = self._probed.get(identity)
        unchanged = before and uptime_cs >= before.uptime_cs and descr == before.sys_descr
        if before and unchanged and now_ms - before.at_ms < PROBE_AGAIN_MS:
            self._probed[identity] = before._replace(uptime_cs=uptime_cs)
            return before.mibs
        try:
            found = await standards_of(session)
        except SnmpError:
            return before.mibs if before else ()
        if len(self._probed) >= MOST_PROBED:
            self._probed.clear()
        self._probed[identity] = Probed(found, now_ms, uptime_cs, descr)
        return found


async def fitting_profile(session: Session, profiles: Iterable[Profile], fallback: str) -> str:
    """Return the name of the profile that fits the device. Raises SnmpError."""
    values = await session.get_many([SYSTEM["sys_object_id"], SYSTEM["sys_descr"]])
    texts = [raw_value(value.type, value.data, As.AUTO) for value in values]
    oid, descr = (None if isinstance(text, Absent) else as_text(text) for text in texts)
    return best_profile(profiles, oid, descr) or fallback


def check_options(context: PluginContext, known: tuple[str, ...]) -> None:
    """Raise OptionError for options that the plugin does not have, and for folders that do not exist."""
    problems = {name: f"expected one of {', '.join(known)}" for name in context.options if name not in known}
    for folder in profile_folders(context.options):
        if not folder.is_dir():
            problems["profiles"] = f"expected folders that exist, found {folder}"
    if problems:
        raise OptionError(problems)


def float_option(context: PluginContext, name: str, default: float) -> float:
    """Return a positive number from the options. Raises OptionError."""
    text = context.options.get(name, "")
    try:
        number = float(text) if text else default
    except ValueError:
        number = 0.0
    if not 0 < number < 86_400:
        raise OptionError({name: f"expected seconds above 0, found {text!r}"})
    return number


def create(context: PluginContext) -> DeviceFacts:
    """Return the plugin. Raises OptionError."""
    return DeviceFacts(context)
