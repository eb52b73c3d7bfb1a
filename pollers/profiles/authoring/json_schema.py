"""The JSON Schema of profiles, generated from the loader's own lists of keys and words.

`python -m pollers.profiles.authoring.json_schema` prints it; a test holds the shipped profile.schema.json in step.
"""

import json
from typing import Final

from pollers.profiles import model
from pollers.profiles.language.patterns import MAX_PATTERN
from pollers.profiles.loading import load, load_columns
from pollers.profiles.loading.section import NAME

ID: Final = f"https://panoptes.invalid/profile/{model.FORMAT}.json"

_NAME: Final = NAME.pattern.removesuffix(r"\Z") + "$"
_OID: Final = {"type": "string", "pattern": r"^\.?[0-2](\.[0-9]{1,10}){1,127}$"}
_TEXT: Final = {"type": "string"}
#: YAML reads 4, 4.5, yes and 4:5 as other things than text; the loader takes every scalar by how it is written
_SCALAR: Final = {"type": ["string", "number", "boolean"]}
_EXPRESSION: Final = {"type": ["string", "number"], "maxLength": 1000}
_DURATION: Final = {"type": ["string", "integer"], "pattern": "^[0-9]{1,7}[smhd]?$"}
_PATTERN: Final = {"type": "string", "maxLength": MAX_PATTERN}
_TEXTS: Final = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]}
_ENUM: Final = {"type": "object", "additionalProperties": _SCALAR}


def _object(properties: dict[str, object], keys: tuple[str, ...], **more: object) -> dict[str, object]:
    """Return an object of exactly these keys; a key that the loader knows and this does not is an error here."""
    return {
        "type": "object",
        "properties": {key: properties[key] for key in keys},
        "additionalProperties": False,
        **more,
    }


def _by_name(value: object) -> dict[str, object]:
    """Return a mapping of names to values; a null takes away what `extends` brought."""
    return {
        "type": ["object", "null"],
        "patternProperties": {_NAME: {"anyOf": [value, {"type": "null"}]}},
        "additionalProperties": False,
    }


def _column() -> dict[str, object]:
    width = {"enum": [32, 64, "32", "64"]}
    source = _object({"oid": _OID, "scale": {"type": "number"}, "width": width}, load_columns.SOURCE_KEYS)
    properties: dict[str, object] = {
        "oid": _OID,
        "first_of": {"type": "array", "minItems": 1, "items": {"anyOf": [_OID, source | {"required": ["oid"]}]}},
        "use": {"enum": [use.value for use in model.Use]},
        "unit": _SCALAR,
        "scale": {"type": "number"},
        "width": width,
        "enum": _ENUM,
        "as": {"enum": [way.value for way in model.As]},
        "extract": {
            "anyOf": [
                _PATTERN,
                _object({"pattern": _PATTERN, "template": _TEXT}, ("pattern", "template"), required=["pattern"]),
            ]
        },
        "refresh": _DURATION,
    }
    one_source = [{"required": ["oid"]}, {"required": ["first_of"]}]
    return {"anyOf": [_OID, _object(properties, load_columns.COLUMN_KEYS, oneOf=one_source)]}


def _index() -> dict[str, object]:
    properties: dict[str, object] = {
        "name": {"type": "string", "pattern": _NAME},
        "type": {"enum": [kind.value for kind in model.IndexType]},
        "length": {"type": "integer", "minimum": 1, "maximum": 128},
        "implied": {"type": "boolean"},
        "use": {"enum": ["tag", "reference"]},
        "enum": _ENUM,
    }
    return {"type": "array", "items": _object(properties, load_columns.INDEX_KEYS, required=["name"])}


def _join() -> dict[str, object]:
    bounds = {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}
    key = {"anyOf": [_TEXT, _object({"slice": bounds}, ("slice",), required=["slice"])]}
    on = {"anyOf": [_TEXT, {"type": "array", "items": key}]}
    return {"anyOf": [{"type": "null"}, _object({"table": _TEXT, "on": on, "to": _TEXT}, ("table", "on", "to"))]}


def _table(keys: tuple[str, ...]) -> dict[str, object]:
    properties: dict[str, object] = {
        "columns": _by_name(_column()),
        "index": _index(),
        "like": _TEXT,
        "row": _TEXTS,
        "when": _EXPRESSION,
        "tags": _by_name(_EXPRESSION),
        "static_tags": {"type": ["object", "null"], "additionalProperties": {"anyOf": [_SCALAR, {"type": "null"}]}},
        "join": _by_name(_join()),
        "line_rate": _TEXT,
    }
    return _object(properties, keys)


def _computed() -> dict[str, object]:
    properties: dict[str, object] = {
        "expr": _EXPRESSION,
        "unit": _SCALAR,
        "use": {"enum": ["gauge", "state", "reference"]},
    }
    value = _object(properties, ("expr", "unit", "use"), required=["expr"])
    return {
        "type": ["object", "null"],
        "patternProperties": {r"^[A-Za-z_]\w*\.[A-Za-z_]\w*$": {"anyOf": [_EXPRESSION, value, {"type": "null"}]}},
        "additionalProperties": False,
    }


def _emit() -> dict[str, object]:
    properties: dict[str, object] = {"table": _TEXT, "tables": _TEXTS, "first_of": _TEXTS, "interval": _DURATION}
    group = _object(properties, ("table", "tables", "first_of", "interval"))
    return _by_name({"anyOf": [_TEXTS, group]})


def schema() -> dict[str, object]:
    """Return the schema."""
    match = _object({"sys_object_id": _TEXTS, "sys_descr": _PATTERN}, ("sys_object_id", "sys_descr"), minProperties=1)
    properties: dict[str, object] = {
        "format": {"const": model.FORMAT},
        "profile": {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"},
        "description": _TEXT,
        "extends": _TEXTS,
        "replaces": _TEXTS,
        "yields": {"type": "boolean"},
        "match": match,
        "interval": _DURATION,
        "static_tags": {"type": ["object", "null"], "additionalProperties": {"anyOf": [_SCALAR, {"type": "null"}]}},
        "scalars": _by_name(_table(load.SCALARS_KEYS)),
        "tables": _by_name(_table(load.TABLE_KEYS)),
        "computed": _computed(),
        "emit": _emit(),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": f"Panoptes device profile, format {model.FORMAT}",
        **_object(properties, load.TOP_KEYS, required=["profile"]),
    }


def text() -> str:
    """Return the schema as it is in the package."""
    return json.dumps(schema(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201
