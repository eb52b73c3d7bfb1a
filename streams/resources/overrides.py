"""Operator overrides of a resource: ignore, maintain, rename, reclassify. It is kept among the sightings, as one of a
section of its own (pure).

- ignored: nothing of the resource is in the inventory, whatever other sections see;
- under maintenance: the label says until when, and goes with the sighting, which ends then;
- an alias: the resource has another identity now, and so have those that sections still see under the old one.
"""

from dataclasses import replace
from typing import Final

from schemas.records import FORMERLY, FORMERLY_BETWEEN, IDENTITY_SEPARATOR, Resource
from streams.resources.inventory import OPERATOR, Sightings

IGNORED: Final = "ignored"
MAINTENANCE: Final = "maintenance_until"
ALIAS: Final = "renamed_to"
#: of what holds until it is taken back
EVER_S: Final = 2**31 - 1


def said(resource: Resource, now_ms: int, ttl_s: int, **labels: str) -> Resource:
    """Return an operator's override of a resource, as a sighting."""
    return replace(
        resource, plugins=(OPERATOR,), labels=labels, last_seen_ms=now_ms, ttl_s=ttl_s, addresses=(), identifiers={}
    )


def is_ignored(known: Sightings) -> bool:
    return OPERATOR in known and IGNORED in known[OPERATOR].labels


def alias_of(known: Sightings) -> str | None:
    """Return the resource's present identity, where it was renamed."""
    return known[OPERATOR].labels.get(ALIAS) if OPERATOR in known else None


def renamed(sighting: Resource, identity: str) -> Resource:
    """Return a sighting under a new identity, with its former ones. Raises ValueError for what is none."""
    site, resource_class, subclass, kind, resource_id = identity.split(IDENTITY_SEPARATOR)
    formerly = dict.fromkeys((*sighting.former_identities, sighting.identity))
    formerly.pop(identity, None)
    return replace(
        sighting,
        site=site,
        resource_class=resource_class,
        resource_subclass=subclass,
        resource_type=kind,
        resource_id=resource_id,
        identifiers={**sighting.identifiers, FORMERLY: FORMERLY_BETWEEN.join(formerly)},
    )
