"""Hypothesis strategies for the records, made from their schemas: what may stand in a topic may come out of here."""

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from schemas import records
from schemas.codec import parsed_schema

INT = st.integers(-(2**31), 2**31 - 1)
LONG = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "int": INT,
    "long": LONG,
    "double": st.floats(allow_nan=False),
    "string": TEXT,
    "boolean": st.booleans(),
    "bytes": st.binary(max_size=12),
    "null": st.none(),
}

#: schema's file -> the class of its records
CLASSES: dict[str, type[Any]] = {
    "dead_letter": records.DeadLetter,
    "discovery_run": records.DiscoveryRun,
    "enriched_resource": records.EnrichedResource,
    "gauge": records.Gauge,
    "link": records.Link,
    "poll_status": records.PollStatus,
    "raw_counters": records.RawCounters,
    "resource": records.Resource,
    "tick": records.Tick,
}


def records_of(name: str) -> st.SearchStrategy[Any]:
    """Return a strategy for the records of `schemas/avro/<name>.avsc`."""
    return _record(CLASSES[name], parsed_schema(name))


def _record(cls: type[Any], schema: Any) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(cls)
    return st.builds(cls, **{field["name"]: _value(hints[field["name"]], field["type"]) for field in schema["fields"]})


def _value(hint: Any, schema: Any) -> st.SearchStrategy[Any]:
    arguments = typing.get_args(hint)
    if isinstance(schema, list):
        some = next(argument for argument in arguments if argument is not types.NoneType)
        return st.one_of(*(_value(some, branch) for branch in schema))
    if isinstance(schema, str):
        return PLAIN[schema]
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return st.sampled_from(hint)
    if dataclasses.is_dataclass(hint):
        return _record(typing.cast("type[Any]", hint), schema)
    if typing.get_origin(hint) is Sequence:
        return st.lists(_value(arguments[0], schema["items"]), max_size=3).map(tuple)
    if typing.get_origin(hint) is Mapping:
        return st.dictionaries(TEXT, _value(arguments[1], schema["values"]), max_size=3)
    raise TypeError(f"{hint!r} and {schema!r} do not go together")
