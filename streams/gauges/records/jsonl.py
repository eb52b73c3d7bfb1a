"""Samples and gauges as lines of JSON, with the field names of the Avro schemas; docs/gauges.md shows them."""

import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from schemas.codec import Schema, fields_of, from_avro, to_avro
from schemas.records import Gauge, RawCounters

#: what a line may leave out beside what has a default in the schema: it has no part in any rate
_OFFLINE_DEFAULTS: Final[Mapping[str, object]] = {"site": "", "endpoint": "", "labels": {}, "job": ""}
T = TypeVar("T")

_RANGES: Final = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**64 - 1)}
_SHOWN: Final = 40


class LineError(ValueError):
    """The line is not a sample; the message says where and what was expected."""

    def __init__(self, message: str) -> None:
        # what is quoted of the line may be what cannot be printed
        super().__init__(message.encode(errors="backslashreplace").decode())


def read_sample(line: str) -> RawCounters:
    """Parse the sample of a line; counters above 2^63-1 may be plain or two's complement.

    Raises LineError.
    """
    try:
        given = json.loads(line)
    except json.JSONDecodeError as error:
        raise LineError(f"no JSON at column {error.colno}: {error.msg}") from error
    except (RecursionError, ValueError) as error:  # nested too deeply; a number of thousands of digits
        raise LineError(f"no sample: {error}") from error
    if not isinstance(given, dict):
        raise LineError(f"expected an object, found {_shown(given)}")
    datum = _read_record(fields_of("raw_counters"), {**_OFFLINE_DEFAULTS, **given}, "")
    return from_avro(RawCounters, datum)


def write_gauge(gauge: Gauge) -> str:
    """Format the gauge as a line, without its end."""
    return json.dumps(to_avro(gauge), ensure_ascii=False, separators=(",", ":"))


def _read(schema: Schema, value: object, path: str) -> object:
    """Return a value of JSON as one of that schema."""
    if isinstance(schema, list):
        (some,) = (branch for branch in schema if branch != "null")
        return None if value is None else _read(some, value, path)
    if not isinstance(schema, dict):
        return _read_plain(str(schema), value, path)
    match schema["type"]:
        case "record":
            return _read_record(schema["fields"], value, path)
        case "array":
            items = _of_type(value, list, "an array", path)
            return [_read(schema["items"], item, f"{path}[{place}]") for place, item in enumerate(items)]
        case "map":
            entries = _of_type(value, dict, "an object", path)
            return {_text(key, path): _read(schema["values"], item, f"{path}.{key}") for key, item in entries.items()}
        case kind:
            return _read_plain(kind, value, path)


def _read_record(fields: Sequence[Mapping[str, Schema]], value: object, path: str) -> dict[str, object]:
    given = _of_type(value, dict, "an object", path)
    names = {str(field["name"]) for field in fields}
    if unknown := sorted(set(given) - names):
        raise LineError(f"{_at(path, unknown[0])}: no such field; there are {', '.join(sorted(names))}")
    made = {}
    for field in fields:
        name = str(field["name"])
        if name not in given and "default" not in field:
            raise LineError(f"{_at(path, name)}: missing")
        made[name] = _read(field["type"], given.get(name, field.get("default")), _at(path, name))
    return made


def _read_plain(kind: str, value: object, path: str) -> object:
    if kind == "string":
        return _text(value, path)
    if kind == "boolean":
        return _of_type(value, bool, "true or false", path)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise LineError(f"{path}: expected a number, found {_shown(value)}")
    if kind == "double":
        try:
            return float(value)
        except OverflowError as error:
            raise LineError(f"{path}: expected a number that fits a double, found {_shown(value)}") from error
    lowest, highest = _RANGES[kind]
    if not isinstance(value, int) or not lowest <= value <= highest:
        raise LineError(f"{path}: expected a whole number from {lowest} to {highest}, found {_shown(value)}")
    return value - 2**64 if value >= 2**63 else value


def _text(value: object, path: str) -> str:
    text = _of_type(value, str, "a text", path)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise LineError(f"{path}: expected a text, found half of a surrogate pair in {_shown(value)}") from error
    return text


def _of_type(value: object, wanted: type[T], name: str, path: str) -> T:
    if not isinstance(value, wanted):
        raise LineError(f"{path}: expected {name}, found {_shown(value)}")
    return value


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
