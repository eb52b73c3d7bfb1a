"""The fields of a resource that filters may use: from the inventory and from enrichment."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from schemas.records import EnrichedResource, Resource

METADATA: Final = "resource_metadata."
#: stands for the facts of every namespace
FACTS: Final = "facts"
#: <namespace>.<name> of what enrichment found
FOUND: Final = re.compile(r"(?!resource_)[A-Za-z_][\w-]*\.[\w.-]+")


S_contra = TypeVar("S_contra", contravariant=True)


class Fields(NamedTuple, Generic[S_contra]):
    """The fields of the objects that a filter is applied to."""

    named: Mapping[str, Callable[[S_contra], Sequence[str]]]  #: field -> its values; it compares as any of them
    prefix: str  #: of fields that go by a label's name
    labels: Callable[[S_contra], Mapping[str, str]]
    unknown: Mapping[str, str]  #: beginning of a field's name -> why it cannot be asked for here
    found: Callable[[S_contra, str, str], Sequence[str]] | None = (
        None  #: a thing, a namespace and a name in it -> values
    )


def _found(known: EnrichedResource, namespace: str, name: str) -> Sequence[str]:
    """Return what enrichment found under a name: the fact, and that field of all rows; `facts`: of any namespace."""
    if namespace == FACTS:
        return [each.facts[name] for each in known.enrichments.values() if name in each.facts]
    enrichment = known.enrichments.get(namespace)
    if enrichment is None:
        return ()
    values = (enrichment.facts.get(name), *(fields.get(name) for fields in enrichment.rows.values()))
    return [value for value in values if value is not None]


def _of_resource(values: Callable[[Resource], Sequence[str]]) -> Callable[[EnrichedResource], Sequence[str]]:
    return lambda known: values(known.resource)


_NOT_HERE: Final = "what enrichment found is not known here"
#: of a Resource
RESOURCE: Final[Fields[Resource]] = Fields(
    {
        "resource_site": lambda resource: (resource.site,),
        "resource_class": lambda resource: (resource.resource_class,),
        "resource_subclass": lambda resource: (resource.resource_subclass,),
        "resource_type": lambda resource: (resource.resource_type,),
        "resource_id": lambda resource: (resource.resource_id,),
        "resource_endpoint": lambda resource: (resource.endpoint,),
        "resource_plugin": lambda resource: resource.plugins,
    },
    METADATA,
    lambda resource: resource.labels,
    {"facts.": _NOT_HERE, "interfaces.": _NOT_HERE},
)
#: of an EnrichedResource
ENRICHED: Final[Fields[EnrichedResource]] = Fields(
    {name: _of_resource(values) for name, values in RESOURCE.named.items()},
    METADATA,
    lambda known: known.resource.labels,
    {},
    _found,
)
