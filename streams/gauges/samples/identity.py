"""Reconstructs as much of a resource as the records of a series contain."""

from collections.abc import Mapping

from schemas.records import IDENTITY_SEPARATOR, Resource


def resource_of(identity: str, endpoint: str, labels: Mapping[str, str]) -> Resource:
    """Return the parts of a resource that its records contain; an identity in another format becomes the id."""
    parts = identity.split(IDENTITY_SEPARATOR)
    site, of_class, subclass, of_type, resource_id = parts if len(parts) == 5 else ("", "", "", "", identity)
    return Resource(
        site=site,
        resource_class=of_class,
        resource_subclass=subclass,
        resource_type=of_type,
        resource_id=resource_id,
        endpoint=endpoint,
        plugins=(),
        first_seen_ms=0,
        last_seen_ms=0,
        labels=labels,
    )
