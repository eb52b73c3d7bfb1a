"""What seldom changes of a device's interfaces and other tables: the built-in enrichment plugin `interfaces`.

It reads the columns that the device's profile marks with `refresh`, so that polls need not.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from pollers.plugins.base import PluginContext
from pollers.plugins.snmp_facts import (
    DEFAULT_DEADLINE_S,
    SYSTEM,
    TTL_INTERVALS,
    check_options,
    float_option,
)
from pollers.plugins.snmp_profile import DEFAULT_FALLBACK, profile_folders, report_problems
from pollers.profiles.language.absent import Absent
from pollers.profiles.language.functions import as_text
from pollers.profiles.loading.watch import ProfileWatch
from pollers.profiles.match import best_profile
from pollers.profiles.memory.facts import facts_of, namespace_of
from pollers.profiles.model import As
from pollers.profiles.reading.convert import raw_value
from pollers.profiles.reading.plan import Plan, make_plan, slow_part
from pollers.profiles.reading.poll import read_device
from pollers.profiles.reading.walking import PollMemory
from pollers.snmp.client import Device, Session
from schemas.records import Enrichment, Resource

OPTIONS: Final = ("profile", "fallback", "profiles", "deadline_s")


class Interfaces:
    """Reads the slow columns of every table of the profile that fits the device."""

    def __init__(self, context: PluginContext) -> None:
        """Raises OptionError."""
        self._context = context
        self._fixed = context.options.get("profile") or None
        self._fallback = context.options.get("fallback", DEFAULT_FALLBACK)
        self._deadline_s = float_option(context, "deadline_s", DEFAULT_DEADLINE_S)
        check_options(context, OPTIONS)
        self.watch = ProfileWatch(profile_folders(context.options), report_problems)
        self._plans: dict[str, Plan] = {}

    @property
    def broken_profiles(self) -> int:
        return self.watch.broken

    @property
    def profile_changes(self) -> int:
        return self.watch.changes

    async def enrich(self, resource: Resource) -> Mapping[str, Enrichment]:
        """Return a namespace per table: `interface`, and `table.<name>` for others. Raises DeviceError."""
        now_ms = self._context.now_ms()
        if self.watch.due(now_ms):
            await asyncio.to_thread(self.watch.look)
        device = Device(resource.site, resource.resource_id, resource.endpoint)
        async with self._context.snmp.open(device, self._deadline_s) as session:
            plan = self._plan(await self._profile_name(session))
            if plan is None:
                return {}
            reading = await read_device(session, plan, PollMemory(), {}, now_ms)
        return {
            namespace_of(table): self._enrichment(facts_of(known), now_ms)
            for table, known in reading.memory.known.items()
        }

    async def _profile_name(self, session: Session) -> str:
        if self._fixed:
            return self._fixed
        oid, descr = await session.get_many([SYSTEM["sys_object_id"], SYSTEM["sys_descr"]])
        texts = [raw_value(value.type, value.data, As.AUTO) for value in (oid, descr)]
        found = [None if isinstance(text, Absent) else as_text(text) for text in texts]
        return best_profile(self.watch.library.profiles.values(), found[0], found[1]) or self._fallback

    def _plan(self, name: str) -> Plan | None:
        profile = self.watch.library.profiles.get(name)
        if profile is None:
            return None
        known = self._plans.get(name)
        if known is None or known.profile is not profile:
            known = self._plans[name] = slow_part(make_plan(profile))
        return known

    def _enrichment(self, rows: Mapping[str, Mapping[str, str]], now_ms: int) -> Enrichment:
        return Enrichment(
            plugin=self._context.section,
            collected_at_ms=now_ms,
            ttl_s=self._context.interval_s * TTL_INTERVALS,
            rows=rows,
        )


def create(context: PluginContext) -> Interfaces:
    """Return the plugin. Raises OptionError."""
    return Interfaces(context)
