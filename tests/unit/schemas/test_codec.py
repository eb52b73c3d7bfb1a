"""The dataclasses say what the `.avsc` files say, and a record survives its trip through Avro."""

import dataclasses
import io
import json
import typing
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.records import EnrichedResource, Outcome, Resource
from tests.strategies import CLASSES, records_of

NAMES = sorted(CLASSES)


def every_record(name: str) -> list[tuple[type[Any], dict[str, Any]]]:
    """Return each record of a schema with its class, the nested ones too."""
    found: list[tuple[type[Any], dict[str, Any]]] = []

    def look(hint: Any, schema: Any) -> None:
        if dataclasses.is_dataclass(hint):
            found.append((typing.cast("type[Any]", hint), schema))
            hints = typing.get_type_hints(hint)
            for field in schema["fields"]:
                look(hints.get(field["name"]), field["type"])
        elif isinstance(schema, dict) and schema["type"] in ("array", "map"):
            look(typing.get_args(hint)[-1], schema.get("items") or schema["values"])

    look(CLASSES[name], codec.parsed_schema(name))
    return found


def default_of(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    if field.default is dataclasses.MISSING:
        return "none"
    return list(field.default) if isinstance(field.default, tuple) else field.default


def test_every_schema_file_has_a_record_class():
    files = sorted(path.stem for path in Path(codec.__file__).parent.glob("avro/*.avsc"))
    assert files == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_dataclasses_and_schemas_have_equal_names_order_and_defaults(name):
    for cls, schema in every_record(name):
        assert schema["name"] == f"panoptes.{cls.__name__}"
        of_schema = [(field["name"], field.get("default", "none")) for field in schema["fields"]]
        of_class = [(field.name, default_of(field)) for field in dataclasses.fields(cls)]
        assert of_class == of_schema


def test_outcomes_are_the_symbols_of_the_schema():
    schema = codec.parsed_schema("poll_status")
    outcome = next(field["type"] for field in schema["fields"] if field["name"] == "outcome")
    assert outcome["symbols"] == [one.value for one in Outcome]


def test_the_embedded_resource_is_the_resource():
    whole, enriched = (json.loads(codec.source_text(name)) for name in ("resource", "enriched_resource"))
    embedded = next(field["type"] for field in enriched["fields"] if field["name"] == "resource")
    assert embedded["fields"] == whole["fields"]
    assert embedded["doc"] == whole["doc"]


@pytest.mark.parametrize("name", NAMES)
def test_canonical_text_is_stable_and_has_no_docs(name):
    text = codec.canonical_text(name)
    assert codec.canonical(text) == text
    assert '"doc"' not in text
    assert fastavro.schema.to_parsing_canonical_form(json.loads(text)) == fastavro.schema.to_parsing_canonical_form(
        json.loads(codec.source_text(name))
    )


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_a_record_comes_back_from_avro_as_it_was(name, data):
    record = data.draw(records_of(name))
    schema = codec.parsed_schema(name)
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema, codec.to_avro(record))
    body.seek(0)
    assert codec.from_avro(CLASSES[name], fastavro.schemaless_reader(body, schema, None)) == record


def test_arrays_come_back_as_tuples_and_nested_records_as_records():
    resource = Resource(
        site="s",
        resource_class="network",
        resource_subclass="switch",
        resource_type="cisco",
        resource_id="sw1",
        endpoint="192.0.2.1",
        plugins=["file"],
        first_seen_ms=1,
        last_seen_ms=2,
    )
    datum = codec.to_avro(EnrichedResource(resource=resource, enrichments={}, jobs=[], jobs_since_ms=0))
    back = codec.from_avro(EnrichedResource, datum)
    assert isinstance(back.resource, Resource)
    assert back.resource.plugins == ("file",)
    assert back.jobs == ()


@pytest.mark.parametrize(
    "datum",
    [pytest.param({}, id="empty"), pytest.param({"unknown": 1}, id="unknown-field"), pytest.param([1], id="list")],
)
def test_what_is_no_such_record_is_refused(datum):
    with pytest.raises((TypeError, ValueError, KeyError)):
        codec.from_avro(Resource, datum)


def test_a_class_that_is_no_record_is_refused():
    with pytest.raises(TypeError, match="not a record"):
        codec.to_avro(3)
