"""Loads the `.avsc` files for fastavro, and converts records to and from its dicts.

Converters are compiled once per class: what is called per record has no reflection left in it.
"""

import dataclasses
import enum
import json
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from operator import attrgetter
from typing import Final, TypeAlias, TypeVar, cast

import fastavro.schema

R = TypeVar("R")
Convert: TypeAlias = Callable[[object], object]
Encode: TypeAlias = Callable[[object], dict[str, object]]
Decode: TypeAlias = Callable[[Mapping[str, object]], object]
Schema: TypeAlias = object  #: what fastavro.parse_schema returns

#: attributes that a reader or a compatibility check needs, in the order of the Parsing Canonical Form (Avro 1.12,
#: "Transforming into Parsing Canonical Form"), with defaults kept: a schema without them could resolve nothing older
_KEPT: Final = ("name", "type", "fields", "symbols", "items", "values", "size", "default")


def source_text(name: str) -> str:
    """Return the text of `schemas/avro/<name>.avsc`. Raises FileNotFoundError."""
    return resources.files("schemas").joinpath("avro", f"{name}.avsc").read_text(encoding="utf-8")


@cache
def canonical_text(name: str) -> str:
    """Return the schema as it is registered: full names, no docs, no spaces."""
    return canonical(source_text(name))


def canonical(text: str) -> str:
    """Return any schema's text in the canonical form of `canonical_text`.

    Raises ValueError for text that is no JSON, fastavro's SchemaParseException for JSON that is no schema.
    """
    parsed = parse(text)
    return json.dumps(_canonical(parsed), separators=(",", ":"), ensure_ascii=False)


def parse(text: str) -> Schema:
    """Parse the text with fastavro, as a new schema at each call. Raises as `canonical`."""
    parsed: Schema = fastavro.schema.parse_schema(json.loads(text), named_schemas={})
    return parsed


@cache
def parsed_schema(name: str) -> Schema:
    """Return `schemas/avro/<name>.avsc` for fastavro's readers and writers; docs are left out."""
    return parse(canonical_text(name))


def fields_of(name: str) -> Sequence[Mapping[str, Schema]]:
    """Return the fields of the record in `schemas/avro/<name>.avsc`."""
    fields: Sequence[Mapping[str, Schema]] = json.loads(canonical_text(name))["fields"]
    return fields


def to_avro(record: object) -> dict[str, object]:
    """Convert the record to a dict that fastavro can write; columns of plain numbers and texts are not copied."""
    return _encoder(type(record))(record)


def from_avro(cls: type[R], datum: Mapping[str, object]) -> R:
    """Convert a dict of fastavro's reader to a record of class `cls`; arrays become tuples.

    Raises TypeError, ValueError or KeyError where the dict is not one of that record.
    """
    return cast("R", _decoder(cls)(datum))


def _canonical(schema: Schema) -> Schema:
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


def _canonical_field(field: Mapping[str, Schema]) -> dict[str, Schema]:
    made = {"name": field["name"], "type": _canonical(field["type"])}
    if "default" in field:
        made["default"] = field["default"]
    return made


def _make_encoder(cls: type) -> Encode:
    names, converters = _fields(cls, _encode_type)
    get = attrgetter(*names)
    if not converters:
        return lambda record: dict(zip(names, get(record), strict=True))

    def encode(record: object) -> dict[str, object]:
        datum = dict(zip(names, get(record), strict=True))
        for name, convert in converters:
            datum[name] = convert(datum[name])
        return datum

    return encode


def _make_decoder(cls: type) -> Decode:
    _, converters = _fields(cls, _decode_type)

    def decode(datum: Mapping[str, object]) -> object:
        values = dict(datum)
        for name, convert in converters:
            values[name] = convert(values[name])
        return cls(**values)

    return decode


#: a class's converter, compiled at its first use
_encoder: Final[Callable[[type], Encode]] = cache(_make_encoder)
_decoder: Final[Callable[[type], Decode]] = cache(_make_decoder)


def _fields(
    cls: type, converter: Callable[[object], Convert | None]
) -> tuple[tuple[str, ...], tuple[tuple[str, Convert], ...]]:
    if not dataclasses.is_dataclass(cls):
        raise TypeError(f"{cls!r} is not a record")
    hints = typing.get_type_hints(cls)
    names = tuple(field.name for field in dataclasses.fields(cls))
    found = ((name, converter(hints[name])) for name in names)
    return names, tuple((name, convert) for name, convert in found if convert is not None)


def _encode_type(hint: object) -> Convert | None:
    """Return how to make a value of that type plain, or None where it is plain already."""
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return attrgetter("value")
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _encoder(hint)
    return _inside(hint, _encode_type)


def _decode_type(hint: object) -> Convert | None:
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return cast("Convert", _decoder(hint))
    inner = _inside(hint, _decode_type)
    if typing.get_origin(hint) is Sequence:
        return cast("Convert", tuple) if inner is None else _tuple_of(inner)
    return inner


def _inside(hint: object, converter: Callable[[object], Convert | None]) -> Convert | None:
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


# What these make is for values that have the type of the field: a schema's reader, or a dataclass, has seen to it.


def _if_any(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _each(convert: Convert) -> Convert:
    def each(values: Iterable[object]) -> list[object]:
        return [convert(value) for value in values]

    return cast("Convert", each)


def _tuple_of(convert: Convert) -> Convert:
    return lambda values: tuple(cast("Iterable[object]", convert(values)))


def _each_value(convert: Convert) -> Convert:
    def each_value(entries: Mapping[str, object]) -> dict[str, object]:
        return {key: convert(value) for key, value in entries.items()}

    return cast("Convert", each_value)
