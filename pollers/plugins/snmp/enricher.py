"""The base class of enrichment plugins that read a device over SNMP by its profile."""

from collections.abc import Mapping
from typing import Final

from pollers.plugins.base import PluginContext
from pollers.plugins.snmp.followed_profiles import FollowedProfiles
from pollers.profiles.language.absent import Absent
from pollers.profiles.language.functions import as_text
from pollers.profiles.model import As
from pollers.profiles.reading.convert import raw_value
from pollers.snmp.client import Device, Session
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
#: enrichment counts for this many of its intervals, so that one failed run loses nothing
TTL_INTERVALS: Final = 3


class SnmpEnricher(FollowedProfiles):
    """Reads the options, and keeps the profiles up to date with their files."""

    def __init__(self, context: PluginContext, options: tuple[str, ...] = OPTIONS) -> None:
        """Raises OptionError."""
        super().__init__(context, options)
        self.deadline_s: Final = self.given_deadline_s or DEFAULT_DEADLINE_S

    async def fitting_profile(self, session: Session) -> str:
        """Return the name of the profile that fits the device. Raises SnmpError."""
        if self.fixed:
            return self.fixed
        values = await session.get_many([SYSTEM["sys_object_id"], SYSTEM["sys_descr"]])
        texts = [raw_value(value.type, value.data, As.AUTO) for value in values]
        oid, descr = (None if isinstance(text, Absent) else as_text(text) for text in texts)
        return self.name_for(oid, descr)


def device_of(resource: Resource) -> Device:
    return Device(resource.site, resource.resource_id, resource.endpoint)


def enrichment(
    context: PluginContext, now_ms: int, facts: Mapping[str, str], rows: Mapping[str, Mapping[str, str]]
) -> Enrichment:
    """Return an enrichment that is valid for three intervals of its section."""
    return Enrichment(
        plugin=context.section,
        collected_at_ms=now_ms,
        ttl_s=context.interval_s * TTL_INTERVALS,
        facts=facts,
        rows=rows,
    )
