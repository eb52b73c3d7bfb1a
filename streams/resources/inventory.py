"""One inventory out of many sightings."""

from dataclasses import replace
from typing import Final

from schemas.records import Resource

#: a sighting that changes nothing is published when it moves last_seen by this share of the TTL
_REFRESH_SHARE: Final = 8


def merge(known: Resource | None, sighting: Resource) -> Resource:
    """Return the resource as known after a sighting; the newest sighting's endpoint, TTL and labels hold.

    Plugins are collected; labels of other plugins stay unless the sighting has the same name. A sighting older than
    the known one (a replay) only widens what is known.
    """
    if known is None:
        return sighting
    older, newer = (known, sighting) if sighting.last_seen_ms >= known.last_seen_ms else (sighting, known)
    return replace(
        newer,
        plugins=tuple(sorted({*known.plugins, *sighting.plugins})),
        first_seen_ms=min(known.first_seen_ms, sighting.first_seen_ms),
        labels={**older.labels, **newer.labels},
    )


def is_news(known: Resource | None, merged: Resource) -> bool:
    """Return whether the stages behind have to hear of it: something changed, or its TTL ran down a good bit."""
    if known is None:
        return True
    moved_ms = merged.last_seen_ms - known.last_seen_ms
    if moved_ms * _REFRESH_SHARE >= merged.ttl_s * 1000:
        return True
    return replace(merged, last_seen_ms=known.last_seen_ms) != replace(known, plugins=tuple(known.plugins))


def is_expired(resource: Resource, now_ms: int) -> bool:
    """Return whether nobody has seen the resource for its time to live."""
    return now_ms >= resource.last_seen_ms + resource.ttl_s * 1000
