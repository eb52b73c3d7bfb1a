"""Validates sightings before they are published, since an identity is a Kafka key for ever."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pollers.plugins.base import Discovery, SightingBatch
from schemas.records import IDENTITY_SEPARATOR, LABEL_NAME, Resource


def publishable(seen: Discovery | SightingBatch, zone: str = "") -> tuple[Sequence[Resource], Sequence[str]]:
    """Return the valid resources, and a line for each rejected one.

    Those of which the plugin says no zone are in that of its section.

    Raises TypeError, AttributeError for what is no Discovery.
    """
    good: list[Resource] = []
    problems = list(seen.problems)
    for resource in seen.resources:
        wrong = _wrong(resource)
        if wrong is None:
            good.append(replace(resource, zone=resource.zone or zone) if zone else resource)
        else:
            problems.append(f"{named(resource)}: {wrong}")
    return good, problems


def clash(resource: Resource, known: Resource | None) -> str | None:
    """Return why a resource cannot have its id: another class or type has it at the site."""
    if known is None or known.identity == resource.identity or resource.identity in known.former_identities:
        return None
    return (
        f"{named(resource)}: its site has {known.identity} already, and class, subclass and type are fixed at first"
        " sight: use the same ones, another id, or `panoptes resources forget` the other one"
    )


def named(resource: object) -> str:
    """Return the name of the resource for problem lines."""
    if not isinstance(resource, Resource):
        return repr(resource)
    parts = map(str, _parts(resource).values())
    return f"resource {IDENTITY_SEPARATOR.join(parts)!r}"


def _parts(resource: Resource) -> dict[str, object]:
    return {
        "site": resource.site,
        "resource_class": resource.resource_class,
        "resource_subclass": resource.resource_subclass,
        "resource_type": resource.resource_type,
        "resource_id": resource.resource_id,
    }


def _wrong(resource: object) -> str | None:
    """Return why the resource cannot be published; it is a plugin's, whose types nobody has checked."""
    if not isinstance(resource, Resource):
        return "expected a Resource"
    wrong = (_wrong_part(name, part) for name, part in _parts(resource).items())
    if (first := next(filter(None, wrong), None)) is not None:
        return first
    return _wrong_labels(resource.labels) if resource.endpoint else "endpoint is empty"


def _wrong_part(name: str, part: object) -> str | None:
    if not isinstance(part, str):
        return f"{name}: expected text, found {part!r}"
    if not part:
        return f"{name} is empty"
    if IDENTITY_SEPARATOR in part:
        return f"{name} {part!r} holds a {IDENTITY_SEPARATOR!r}, which separates the parts of an identity"
    return None


def _wrong_labels(labels: object) -> str | None:
    if not isinstance(labels, Mapping):
        return f"labels: expected names and values, found {labels!r}"
    for name in labels:
        if not (isinstance(name, str) and LABEL_NAME.match(name)):
            return f"label name {name!r}: expected a letter or underscore, then letters, digits and underscores"
    return None
