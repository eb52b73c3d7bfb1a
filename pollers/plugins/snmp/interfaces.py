"""The enrichment plugin `interfaces`: reads columns that seldom change, of interfaces and other tables.

It reads the columns that the device's profile marks with `refresh`, so that polls need not.
"""

from collections.abc import Mapping

from pollers.plugins.base import PluginContext
from pollers.plugins.snmp.enricher import OPTIONS, SnmpEnricher, device_of, enrichment
from pollers.profiles.memory.facts import facts_of, namespace_of
from pollers.profiles.reading.plan import Plan, make_plan, slow_part
from pollers.profiles.reading.poll import read_device
from pollers.profiles.reading.state import DeviceState
from pollers.profiles.standards import profiles_of, standards_of
from pollers.snmp.client import Session
from pollers.snmp.errors import SnmpError
from schemas.records import Enrichment, Resource


class Interfaces(SnmpEnricher):
    """Reads the slow columns of every table of the device's profile."""

    def __init__(self, context: PluginContext) -> None:
        """Raises OptionError."""
        super().__init__(context, ("profile", *OPTIONS))
        self._plans: dict[tuple[str, tuple[str, ...]], Plan] = {}

    async def enrich(self, resource: Resource) -> Mapping[str, Enrichment]:
        """Return a namespace per table: `interface`, and `table.<name>` for others. Raises DeviceError."""
        now_ms = await self.now_ms()
        async with self.context.snmp.open(device_of(resource), self.deadline_s) as session:
            plan = self._plan(await self.fitting_profile(session), await self._standards(session))
            if plan is None:
                return {}
            reading = await read_device(session, DeviceState(plan=plan), now_ms)
        return {
            namespace_of(table): enrichment(self.context, now_ms, {}, facts_of(known))
            for table, known in reading.state.known.items()
        }

    async def _standards(self, session: Session) -> tuple[str, ...]:
        """Return the profiles of the standard MIBs that the device has; none where it does not answer that."""
        if self.fixed:
            return ()
        try:
            return profiles_of(await standards_of(session))
        except SnmpError:
            return ()

    def _plan(self, name: str, standards: tuple[str, ...]) -> Plan | None:
        profile = self.profile(name, standards)
        if profile is None:
            return None
        known = self._plans.get((name, standards))
        if known is None or known.profile is not profile:
            known = self._plans[name, standards] = slow_part(make_plan(profile))
        return known


def create(context: PluginContext) -> Interfaces:
    """Return the plugin. Raises OptionError."""
    return Interfaces(context)
