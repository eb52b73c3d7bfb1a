"""Merges the last sighting of each discovery section into one inventory record, by precedence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from schemas.records import Resource

#: the section of what an operator says (overrides.py): no configuration can have one of that name
OPERATOR: Final = "(operator)"

#: what is known of a resource: the last sighting of each section that still holds, by the section's name
Sightings = Mapping[str, Resource]

#: a sighting that changes nothing is published when it moves last_seen by this share of the TTL
_REFRESH_SHARE: Final = 8


def seen(known: Sightings, sighting: Resource) -> Sightings:
    """Return the sightings with a new one; one older than its section's last (a replay) only changes first-seen."""
    first_seen_ms = min(sighting.first_seen_ms, *(each.first_seen_ms for each in known.values()), sighting.last_seen_ms)
    after = dict(known)
    for section in sighting.plugins:
        before = known.get(section)
        newest = sighting if before is None or sighting.last_seen_ms >= before.last_seen_ms else before
        after[section] = replace(newest, plugins=(section,))
    return {section: replace(each, first_seen_ms=first_seen_ms) for section, each in after.items()}


def unexpired(known: Sightings, now_ms: int, holds: Mapping[str, int]) -> Sightings:
    """Return the sightings that have not expired, by their section's TTL or its hold (Unix milliseconds, by
    section).
    """
    return {section: each for section, each in known.items() if now_ms < max(expires_ms(each), holds.get(section, 0))}


def expires_ms(sighting: Resource) -> int:
    """Return when a sighting expires, Unix milliseconds."""
    return sighting.last_seen_ms + sighting.ttl_s * 1000


def merged(known: Sightings, precedence: Sequence[str]) -> Resource | None:
    """Merge all sightings into one resource; None where there are none.

    Where they differ the section counts that comes first in `precedence`; those that are not named follow in the order
    of their names, so that an endpoint that two sections see differently does not change with every sighting.
    """
    if not known:
        return None
    ranks = {section: rank for rank, section in enumerate(precedence)}
    ordered = sorted(known, key=lambda each: (each == OPERATOR, ranks.get(each, len(ranks)), each))
    ranked = [known[section] for section in ordered]
    first = ranked[0]
    labels: dict[str, str] = {}
    identifiers: dict[str, str] = {}
    for each in reversed(ranked):
        labels |= each.labels
        identifiers |= each.identifiers
    return replace(
        first,
        labels=labels,
        identifiers=identifiers,
        addresses=tuple(dict.fromkeys(address for each in ranked for address in each.addresses)),
        plugins=tuple(sorted(known)),
        first_seen_ms=min(each.first_seen_ms for each in ranked),
        last_seen_ms=max(each.last_seen_ms for each in ranked),
        ttl_s=max(each.ttl_s for each in ranked),
    )


def is_news(known: Resource | None, now: Resource) -> bool:
    """Return whether later stages must get the record: it changed, or its TTL has run down considerably."""
    if known is None:
        return True
    moved_ms = now.last_seen_ms - known.last_seen_ms
    if moved_ms * _REFRESH_SHARE >= now.ttl_s * 1000:
        return True
    return replace(now, last_seen_ms=known.last_seen_ms) != known
