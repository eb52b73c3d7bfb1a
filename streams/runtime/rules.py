"""Applies the sections `[snmp:NAME]` and `[class:NAME]` to resources."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from pollers.snmp.client import Device
from pollers.snmp.limits import Limits
from schemas.records import IDENTITY_SEPARATOR, EnrichedResource, Enrichment, Resource
from streams.runtime.settings.rule_sections import ClassSection
from streams.scheduling.filter_fields import ENRICHED
from streams.scheduling.filters import Fits, compile_over, field_values

_ANSWER: Final = "answer"  #: namespace of what a device said when it was found
_PARTS: Final = ("resource_class", "resource_subclass", "resource_type")


class DeviceLimits:
    """The SNMP limits of each device, by what is known of it now."""

    def __init__(self, general: Limits, special: Sequence[tuple[Fits, Limits]] = ()) -> None:
        self._general = general
        self._special = special
        self._of: dict[tuple[str, str], Limits] = {}  #: of those that are not treated as the others are

    def know(self, known: EnrichedResource) -> None:
        """Store what is known of a resource."""
        whose = (known.resource.site, known.resource.resource_id)
        limits = next((limits for fits, limits in self._special if fits(known)), None)
        if limits is None:
            self._of.pop(whose, None)
        else:
            self._of[whose] = limits

    def of(self, device: Device) -> Limits:
        return self._of.get((device.site, device.device_id), self._general)


def answered(found: Resource, facts: Mapping[str, str]) -> EnrichedResource:
    """Return a discovered device with its facts as filters see it."""
    answer = Enrichment(plugin="", collected_at_ms=0, ttl_s=0, facts=facts)
    return EnrichedResource(resource=found, enrichments={_ANSWER: answer}, jobs=(), jobs_since_ms=0)


def classes(sections: Sequence[ClassSection]) -> Callable[[Resource, Mapping[str, str]], Resource]:
    """Return a function that gives a discovered device its class, subclass, type and id, by its facts."""
    rules = [(compile_over(section.filter, ENRICHED), section) for section in sections]

    def classified(found: Resource, facts: Mapping[str, str]) -> Resource:
        known = answered(found, facts)
        for fits, section in rules:
            if fits(known):
                parts = {name: part for name in _PARTS if (part := getattr(section, name))}
                return replace(found, **parts, resource_id=_called(section, known))
        return found

    return classified


def _called(section: ClassSection, known: EnrichedResource) -> str:
    values = field_values(section.resource_id, ENRICHED)(known) if section.resource_id else ()
    name = next(iter(values), "").replace(IDENTITY_SEPARATOR, "_").strip()
    return name or known.resource.resource_id
