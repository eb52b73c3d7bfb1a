"""What seldom changes of a device's interfaces and other tables: the built-in enrichment plugin `interfaces`.

It reads the columns that the device's profile marks with `refresh`, so that polls need not.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from pollers.plugins.base import PluginContext
from pollers.plugins.snmp_facts import (
    DEFAULT_DEADLINE_S,
    TTL_INTERVALS,
    check_options,
    fitting_profile,
    float_option,
)
from pollers.plugins.snmp_profile import DEFAULT_FALLBACK, profile_folders, report_problems
from pollers.profiles.loading.compose import Composer
from pollers.profiles.loading.watch import Watch
from pollers.profiles.memory.facts import facts_of, namespace_of
from pollers.profiles.reading.plan import Plan, make_plan, slow_part
from pollers.profiles.reading.poll import read_device
from pollers.profiles.reading.walking import Memory
from pollers.profiles.standards import profiles_of, standards_of
from pollers.snmp.client import Device, Session
from pollers.snmp.errors import SnmpError
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
        self.watch = Watch(profile_folders(context.options), report_problems)
        self._composer = Composer(self.watch.library)
        self._plans: dict[tuple[str, tuple[str, ...]], Plan] = {}

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
            plan = self._plan(await self._profile_name(session), await self._standards(session))
            if plan is None:
                return {}
            reading = await read_device(session, plan, Memory(), {}, now_ms)
        return {
            namespace_of(table): self._enrichment(facts_of(known), now_ms)
            for table, known in reading.memory.known.items()
        }

    async def _profile_name(self, session: Session) -> str:
        if self._fixed:
            return self._fixed
        return await fitting_profile(session, self.watch.library.profiles.values(), self._fallback)

    async def _standards(self, session: Session) -> tuple[str, ...]:
        """Return the profiles of the standard MIBs that the device has; none where it does not answer that."""
        if self._fixed:
            return ()
        try:
            return profiles_of(await standards_of(session))
        except SnmpError:
            return ()

    def _plan(self, name: str, standards: tuple[str, ...]) -> Plan | None:
        if self._composer.library is not self.watch.library:
            self._composer = Composer(self.watch.library)
        profile = self._composer.profile(name, standards)
        if profile is None:
            return None
        known = self._plans.get((name, standards))
        if known is None or known.profile is not profile:
            known = self._plans[name, standards] = slow_part(make_plan(profile))
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
