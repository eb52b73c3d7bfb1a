"""Describes a setting's type and bounds in words, for error messages and documentation."""

import enum
import typing
from collections.abc import Mapping
from typing import Final

from pydantic.fields import FieldInfo

from streams.runtime.settings.setting import seconds, secret, words

TEXT: Final = "a text"
_WORDS: Final[Mapping[object, str]] = {bool: "true or false", int: "a whole number", float: "a number"}
_BOUNDS: Final = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))


def expected(field: FieldInfo) -> str:
    """Return the accepted values in words, e.g. `a whole number, at least 1`."""
    bounds = "".join(
        f", {words_} {value:.15g}"
        for name, words_ in _BOUNDS
        for value in (getattr(constraint, name, None) for constraint in field.metadata)
        if value is not None
    )
    return f"{_kind(field)}{bounds}{_pattern(field)}"


def is_secret(field: FieldInfo) -> bool:
    """Return whether the setting's value must not be shown."""
    return secret in _readers(field)


def _readers(field: FieldInfo) -> list[object]:
    return [getattr(constraint, "func", None) for constraint in field.metadata]


def _kind(field: FieldInfo) -> str:
    hint, readers = field.annotation, _readers(field)
    if seconds in readers:
        return "a duration in whole seconds (60, 5m, 1h)" if hint is int else "a duration (60, 30s, 500ms, 5m, 1h)"
    if words in readers:
        return "names separated by commas"
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return f"one of {', '.join(member.value for member in hint)}"
    if typing.get_origin(hint) is typing.Literal:
        return f"one of {', '.join(map(str, typing.get_args(hint)))}"
    return _WORDS.get(hint, TEXT)


def _pattern(field: FieldInfo) -> str:
    if any(getattr(constraint, "min_length", None) for constraint in field.metadata):
        return " that is not empty"
    patterns = [pattern for constraint in field.metadata if (pattern := getattr(constraint, "pattern", None))]
    return f" that matches {patterns[0]}" if patterns else ""
