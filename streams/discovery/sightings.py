"""What may be published of a discovery: an identity is a Kafka key for ever, so it is checked before it becomes one."""

from collections.abc import Sequence

from pollers.plugins.base import Discovery
from schemas.records import IDENTITY_SEPARATOR, LABEL_NAME, Resource


def publishable(seen: Discovery) -> tuple[Sequence[Resource], Sequence[str]]:
    """Return the resources whose identity and labels are sound, and a line for everything that was passed over."""
    good: list[Resource] = []
    problems = list(seen.problems)
    for resource in seen.resources:
        wrong = _wrong(resource)
        if wrong is None:
            good.append(resource)
        else:
            problems.append(f"resource {resource.identity!r}: {wrong}")
    return good, problems


def _wrong(resource: Resource) -> str | None:
    parts = {
        "site": resource.site,
        "resource_class": resource.resource_class,
        "resource_subclass": resource.resource_subclass,
        "resource_type": resource.resource_type,
        "resource_id": resource.resource_id,
    }
    for name, part in parts.items():
        if not part:
            return f"{name} is empty"
        if IDENTITY_SEPARATOR in part:
            return f"{name} {part!r} holds a {IDENTITY_SEPARATOR!r}, which separates the parts of an identity"
    if not resource.endpoint:
        return "endpoint is empty"
    for label in resource.labels:
        if not LABEL_NAME.match(label):
            return f"label name {label!r}: expected a letter or underscore, then letters, digits and underscores"
    return None
