"""The `.avsc` files as fastavro wants them, and records as the plain dicts that Avro speaks of.

Converters are compiled once per class: what is called per record has no reflection left in it.
"""

import dataclasses
import enum
import json
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from operator import attrgetter
from typing import Any, Final, TypeAlias, TypeVar

import fastavro.schema

R = TypeVar("R")
Convert: TypeAlias = Callable[[Any], Any]
Schema: TypeAlias = Any  #: what fastavro.parse_schema returns

#: attributes that a reader or a compatibility check needs, in the order of the Parsing Canonical Form (Avro 1.12,
#: "Transforming into Parsing Canonical Form"), with defaults kept: a schema without them could resolve nothing older
_KEPT: Final = ("name", "type", "fields", "symbols", "items", "values", "size", "default")


def source_text(name: str) -> str:
    """Return the text of `schemas/avro/<name>.avsc`. Raises FileNotFoundError."""
    return resources.files("schemas").joinpath("avro", f"{name}.avsc").read_text(encoding="utf-8")


@cache
def canonical_text(name: str) -> str:
    """Return the schema as it is registered: full names, no docs, no spaces; a change of docs does not change it."""
    return canonical(source_text(name))


def canonical(text: str) -> str:
    """Return any schema's text in the canonical form of `canonical_text`.

    Raises ValueError for text that is no JSON, fastavro's SchemaParseException for JSON that is no schema.
    """
    parsed = parse(text)
    return json.dumps(_canonical(parsed), separators=(",", ":"), ensure_ascii=False)


def parse(text: str) -> Schema:
    """Return the text as fastavro's parsed schema, a new one at each call. Raises as `canonical`."""
    return fastavro.schema.parse_schema(json.loads(text), named_schemas={})


@cache
def parsed_schema(name: str) -> Schema:
    """Return `schemas/avro/<name>.avsc` for fastavro's readers and writers; docs are left out."""
    return parse(canonical_text(name))


def to_avro(record: Any) -> dict[str, Any]:
    """Return the record as a dict that fastavro can write; columns of plain numbers and texts are not copied."""
    converted: dict[str, Any] = _encoder(type(record))(record)
    return converted


def from_avro(cls: type[R], datum: Mapping[str, object]) -> R:
    """Return the record of class `cls` that fastavro's reader gave as a dict; arrays become tuples.

    Raises TypeError, ValueError or KeyError where the dict is not one of that record.
    """
    record: R = _decoder(cls)(datum)
    return record


def _canonical(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_canonical(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    if set(schema) <= {"type", "__fastavro_parsed__", "__named_schemas"} and isinstance(schema.get("type"), str):
        return schema["type"]
    kept = {key: schema[key] for key in _KEPT if key in schema}
    for key in ("type", "items", "values"):
        if key in kept:
            kept[key] = _canonical(kept[key])
    if "fields" in kept:
        kept["fields"] = [_canonical_field(field) for field in kept["fields"]]
    return kept


def _canonical_field(field: Mapping[str, object]) -> dict[str, Any]:
    made = {"name": field["name"], "type": _canonical(field["type"])}
    if "default" in field:
        made["default"] = field["default"]
    return made


def _make_encoder(cls: Any) -> Convert:
    names, converters = _fields(cls, _encode_type)
    get = attrgetter(*names)
    if not converters:
        return lambda record: dict(zip(names, get(record), strict=True))

    def encode(record: Any) -> dict[str, Any]:
        datum = dict(zip(names, get(record), strict=True))
        for name, convert in converters:
            datum[name] = convert(datum[name])
        return datum

    return encode


def _make_decoder(cls: Any) -> Convert:
    _, converters = _fields(cls, _decode_type)

    def decode(datum: Mapping[str, object]) -> Any:
        values = dict(datum)
        for name, convert in converters:
            values[name] = convert(values[name])
        return cls(**values)

    return decode


#: a class's converter, compiled at its first use
_encoder: Final[Callable[[Any], Convert]] = cache(_make_encoder)
_decoder: Final[Callable[[Any], Convert]] = cache(_make_decoder)


def _fields(
    cls: Any, converter: Callable[[Any], Convert | None]
) -> tuple[tuple[str, ...], tuple[tuple[str, Convert], ...]]:
    if not dataclasses.is_dataclass(cls):
        raise TypeError(f"{cls!r} is not a record")
    hints = typing.get_type_hints(cls)
    names = tuple(field.name for field in dataclasses.fields(cls))
    found = ((name, converter(hints[name])) for name in names)
    return names, tuple((name, convert) for name, convert in found if convert is not None)


def _encode_type(hint: Any) -> Convert | None:
    """Return how to make a value of that type plain, or None where it is plain already."""
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return attrgetter("value")
    if dataclasses.is_dataclass(hint):
        return _encoder(hint)
    return _inside(hint, _encode_type)


def _decode_type(hint: Any) -> Convert | None:
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint
    if dataclasses.is_dataclass(hint):
        return _decoder(hint)
    inner = _inside(hint, _decode_type)
    if typing.get_origin(hint) is Sequence:
        return tuple if inner is None else _tuple_of(inner)
    return inner


def _inside(hint: Any, converter: Callable[[Any], Convert | None]) -> Convert | None:
    """Return how to convert what stands inside a Sequence, a Mapping or an optional."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        (some,) = (argument for argument in arguments if argument is not types.NoneType)
        convert = converter(some)
        return None if convert is None else _if_any(convert)
    if origin is Sequence:
        convert = converter(arguments[0])
        return None if convert is None else _each(convert)
    if origin is Mapping:
        convert = converter(arguments[1])
        return None if convert is None else _each_value(convert)
    if hint in (str, int, float, bytes, bool):
        return None
    raise TypeError(f"no Avro form for a field of type {hint!r}")


def _if_any(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _each(convert: Convert) -> Convert:
    return lambda values: [convert(value) for value in values]


def _tuple_of(convert: Convert) -> Convert:
    return lambda values: tuple(convert(values))


def _each_value(convert: Convert) -> Convert:
    return lambda entries: {key: convert(value) for key, value in entries.items()}
