"""What enrichment plugins have in common that ask a device by SNMP and follow profiles."""

import asyncio
from collections.abc import Mapping
from typing import Final

from pollers.plugins.base import OptionError, PluginContext
from pollers.plugins.snmp_profile import DEFAULT_FALLBACK, profile_folders, report_problems
from pollers.profiles.language.absent import Absent
from pollers.profiles.language.functions import as_text
from pollers.profiles.match import best_profile
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


class SnmpEnricher:
    """The options, and the profiles as their files are now."""

    def __init__(self, context: PluginContext, options: tuple[str, ...] = OPTIONS) -> None:
        """Raises OptionError."""
        self.context = context
        self.fallback = context.options.get("fallback", DEFAULT_FALLBACK)
        self.deadline_s = float_option(context, "deadline_s", DEFAULT_DEADLINE_S)
        _check_options(context, options)
        self.watch = context.profiles.of(profile_folders(context.options), report_problems)

    @property
    def broken_profiles(self) -> int:
        return self.watch.broken

    @property
    def profile_changes(self) -> int:
        return self.watch.changes

    async def now_ms(self) -> int:
        """Return the time, once the profiles are as their files are at that time."""
        now_ms = self.context.now_ms()
        if self.watch.due(now_ms):
            await asyncio.to_thread(self.watch.look)
        return now_ms

    async def fitting_profile(self, session: Session) -> str:
        """Return the name of the profile that fits the device. Raises SnmpError."""
        values = await session.get_many([SYSTEM["sys_object_id"], SYSTEM["sys_descr"]])
        texts = [raw_value(value.type, value.data, As.AUTO) for value in values]
        oid, descr = (None if isinstance(text, Absent) else as_text(text) for text in texts)
        return best_profile(self.watch.library.profiles.values(), oid, descr) or self.fallback


def device_of(resource: Resource) -> Device:
    return Device(resource.site, resource.resource_id, resource.endpoint)


def enrichment(
    context: PluginContext, now_ms: int, facts: Mapping[str, str], rows: Mapping[str, Mapping[str, str]]
) -> Enrichment:
    """Return findings that count for three intervals of their section."""
    return Enrichment(
        plugin=context.section,
        collected_at_ms=now_ms,
        ttl_s=context.interval_s * TTL_INTERVALS,
        facts=facts,
        rows=rows,
    )


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


def _check_options(context: PluginContext, known: tuple[str, ...]) -> None:
    """Raise OptionError for options that the plugin does not have, and for folders that do not exist."""
    problems = {name: f"expected one of {', '.join(known)}" for name in context.options if name not in known}
    for folder in profile_folders(context.options):
        if not folder.is_dir():
            problems["profiles"] = f"expected folders that exist, found {folder}"
    if problems:
        raise OptionError(problems)
