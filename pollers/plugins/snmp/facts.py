"""The enrichment plugin `device-facts`: reads the system group, and selects the profile that fits."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from pollers.plugins.base import PluginContext
from pollers.plugins.snmp.device_facts import DEVICE, NO_VENDORS_PROFILE, STANDARD_MIBS
from pollers.plugins.snmp.enricher import SYSTEM, SnmpEnricher, device_of, enrichment
from pollers.profiles.language.absent import Absent
from pollers.profiles.language.functions import as_text
from pollers.profiles.match import best_profile, is_vendors
from pollers.profiles.model import As
from pollers.profiles.reading.convert import raw_value
from pollers.profiles.standards import standards_of, written
from pollers.snmp.client import Session
from pollers.snmp.errors import SnmpError
from schemas.records import Enrichment, Resource

#: devices whose standard MIBs are remembered; beyond that all are asked again, which costs a packet each
MOST_PROBED: Final = 200_000
#: the standard MIBs of a device that did not restart are looked for again after this time
PROBE_AGAIN_MS: Final = 86_400_000


class ProbedFacts(NamedTuple):
    """Which standard MIBs the device had when it was last probed for them."""

    mibs: tuple[str, ...]
    at_ms: int
    uptime_cs: int
    sys_descr: str | None


class DeviceFacts(SnmpEnricher):
    """Reads the system group in one request, and at first contact probes for standard MIBs in another."""

    def __init__(self, context: PluginContext) -> None:
        """Raises OptionError."""
        super().__init__(context)
        self._probed: dict[str, ProbedFacts] = {}

    async def enrich(self, resource: Resource) -> Mapping[str, Enrichment]:
        """Return the namespace `device`; `profile` in it is the one that fits. Raises DeviceError."""
        now_ms = await self.now_ms()
        async with self.context.snmp.open(device_of(resource), self.deadline_s) as session:
            values = await session.get_many(list(SYSTEM.values()))
            facts = {
                name: as_text(cell)
                for name, value in zip(SYSTEM, values, strict=True)
                if not isinstance(cell := raw_value(value.type, value.data, As.AUTO), Absent)
            }
            facts[STANDARD_MIBS] = written(await self._standards(resource.identity, session, facts, now_ms))
        profiles = self.watch.library.profiles
        matched = best_profile(profiles.values(), facts.get("sys_object_id"), facts.get("sys_descr"))
        facts["profile"] = matched or self.fallback
        if matched is None or not is_vendors(profiles[matched]):
            facts[NO_VENDORS_PROFILE] = "yes"
        return {DEVICE: enrichment(self.context, now_ms, facts, {})}

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
        self._probed[identity] = ProbedFacts(found, now_ms, uptime_cs, descr)
        return found


def create(context: PluginContext) -> DeviceFacts:
    """Return the plugin. Raises OptionError."""
    return DeviceFacts(context)
