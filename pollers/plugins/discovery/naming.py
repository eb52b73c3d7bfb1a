"""Names a discovered device: by the inventory, else by its sysName, else by its address (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from pollers.plugins.base import Classify, KnownDevice, as_found
from pollers.snmp.client import Found, Target
from schemas.records import IDENTITY_SEPARATOR, Resource

_SNMP_PORT: Final = 161


@dataclass(slots=True, kw_only=True)
class Namer:
    """Names the devices that one run finds."""

    section: str
    site: str
    parts: Mapping[str, str]  #: resource_class, resource_subclass and resource_type of what is new
    ttl_s: int
    known: KnownDevice
    classify: Classify = as_found
    found: dict[str, Resource] = field(default_factory=dict)  #: of this run, by id

    def sighting(self, answer: Found, now_ms: int) -> Resource:
        """Return the device as a sighting.

        Equal names with different engine ids are two devices, and so are equal engine ids with different names (clones
        have them). What has the same of both, or no engine id and the same name, is one device with another address.
        """
        host = answer.target.host
        name = answer.sys_name.replace(IDENTITY_SEPARATOR, "_").strip()
        identifiers = {"engine_id": answer.engine_id, "sys_name": answer.sys_name}
        identifiers = {key: value for key, value in identifiers.items() if value}
        new = self._new(answer, name or host, identifiers, now_ms)
        before, resource_id = self.known.at(self.site, host), new.resource_id
        if before is None:
            resource_id, before = self._chosen(resource_id, host, answer)
        if before is not None:
            seen = replace(
                before,
                plugins=(self.section,),
                identifiers={**before.identifiers, **identifiers},
                addresses=tuple(dict.fromkeys((*before.addresses, host))),
                last_seen_ms=now_ms,
                ttl_s=self.ttl_s,
                labels={},  # those of other sections are theirs to say
            )
        else:
            seen = replace(new, resource_id=resource_id)
        self.found[seen.resource_id] = seen
        return seen

    def _new(self, answer: Found, resource_id: str, identifiers: Mapping[str, str], now_ms: int) -> Resource:
        """Return the device as it is called where nobody knows it."""
        found = Resource(
            site=self.site,
            resource_class=self.parts["resource_class"],
            resource_subclass=self.parts["resource_subclass"],
            resource_type=self.parts["resource_type"],
            resource_id=resource_id,
            endpoint=endpoint_of(answer.target),
            plugins=(self.section,),
            first_seen_ms=now_ms,
            last_seen_ms=now_ms,
            ttl_s=self.ttl_s,
            identifiers=identifiers,
            addresses=(answer.target.host,),
        )
        return self.classify(found, facts_of(answer))

    def _chosen(self, name: str, host: str, answer: Found) -> tuple[str, Resource | None]:
        """Return the id of a device at an unknown address, and the device, where it is known by that id."""
        for resource_id in (name, f"{name}@{host}"):
            before = self.found.get(resource_id) or self.known.named(self.site, resource_id)
            if before is None or _same(before, answer):
                return resource_id, before
        return host, self.found.get(host) or self.known.named(self.site, host)


def _same(before: Resource, answer: Found) -> bool:
    """Return whether a device with the same name is the same one."""
    engine_id = before.identifiers.get("engine_id", "")
    if engine_id or answer.engine_id:
        return engine_id == answer.engine_id
    return bool(answer.sys_name) and before.identifiers.get("sys_name") == answer.sys_name


def facts_of(answer: Found) -> dict[str, str]:
    """Return a device's system group as facts, with the names of enrichment."""
    facts = {
        "sys_descr": answer.sys_descr,
        "sys_object_id": answer.sys_object_id,
        "sys_name": answer.sys_name,
        "engine_id": answer.engine_id,
        "snmp_version": answer.version,
    }
    return {name: fact for name, fact in facts.items() if fact}


def endpoint_of(target: Target) -> str:
    """Return the endpoint as a resource has it: `host`, `host:port` or `[v6]:port`."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == _SNMP_PORT else f"{host}:{target.port}"
