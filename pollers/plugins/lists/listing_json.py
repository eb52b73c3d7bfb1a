"""Parses JSON lists: one array, refused as a whole when it is damaged, or one object a line."""

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, NamedTuple

from pollers.plugins.lists.entries import WRAPPER, Entry, Listing, Wrong, refused

_WHITESPACE: Final = " \t\r\n"
_SHOWN: Final = 40  #: characters of what should not be there


class _Twice(NamedTuple):
    """Stands for an object that has a field twice, or has such an object in it."""

    field: str


class _Damage(ValueError):
    """No value can be read there, or none is expected there."""

    def __init__(self, at: int, what: str) -> None:
        super().__init__(what)
        self.at = at


class _Lines:
    """Says on which line an offset stands; to count anew for each object would take a long list's square."""

    def __init__(self, text: str) -> None:
        self._ends: Final = [end.start() for end in re.finditer("\n", text)]

    def of(self, at: int) -> int:
        return bisect_left(self._ends, at) + 1


def parse_json(text: str) -> Listing:
    """Return the objects of an array, of `{"devices": [...]}`, or of one object a line.

    A damaged array is refused; of objects that stand alone only the damaged ones are lost.
    """
    begin = _skip(text, 0)
    array = _array_of_wrapper(text, begin)
    lines = _Lines(text)
    try:
        found = list(_elements(text, array, begin) if text[array : array + 1] == "[" else _documents(text, begin))
    except _Damage as damage:
        return refused(lines.of(damage.at), str(damage))
    entries: list[Entry] = []
    wrong: list[Wrong] = []
    for at, value in found:
        line = lines.of(at)
        if isinstance(value, _Damage):
            wrong.append(Wrong(line, f"{value}; mend it, it was not read"))
        elif isinstance(value, _Twice):
            wrong.append(Wrong(line, f"field {value.field!r} stands there twice: remove one"))
        elif isinstance(value, dict):
            entries.append(Entry(line, value))
        else:
            said = json.dumps(value)[:_SHOWN]
            wrong.append(Wrong(line, f'expected an object like {{"site": ...}}, found {said}'))
    return Listing(entries, wrong)


def _elements(text: str, array: int, begin: int) -> Iterator[tuple[int, object]]:
    """Give (offset, value) of each element of the array. Raises _Damage."""
    at = _skip(text, array + 1)
    while text[at : at + 1] != "]":
        value, end = _decoded(text, at)
        yield at, value
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "]":
            raise _Damage(at, "not JSON: expected ',' or ']'")
    at = _skip(text, at + 1)
    if array > begin:  # inside {"devices": ...}
        if text[at : at + 1] != "}":
            raise _Damage(at, f"expected a }} after the list, found {text[at : at + _SHOWN]!r}")
        at = _skip(text, at + 1)
    if at < len(text):
        raise _Damage(at, f"{text[at : at + _SHOWN]!r} stands after the list: remove it")


def _documents(text: str, at: int) -> Iterator[tuple[int, object]]:
    """Give (offset, value) of each object; a _Damage for a damaged one, which ends where a line begins with {."""
    while at < len(text):
        try:
            value, end = _decoded(text, at)
            yield at, value
        except _Damage as damage:
            end = _next_object(text, at)
            last = at + len(text[at:end].rstrip(_WHITESPACE)) - 1  # the next object's beginning is not its fault
            yield min(damage.at, last), damage
        at = _skip(text, end)


def _next_object(text: str, at: int) -> int:
    """Return where the next line that begins with { begins, or where the text ends."""
    while (end := text.find("\n", at)) != -1:
        at = _skip(text, end)
        if text[at : at + 1] == "{":
            return at
    return len(text)


def _array_of_wrapper(text: str, begin: int) -> int:
    """Return where the list of `{"devices": [` begins, or `begin` where the text begins otherwise."""
    key = json.dumps(WRAPPER)
    at = _skip(text, begin + 1)
    if text[begin : begin + 1] != "{" or text[at : at + len(key)] != key:
        return begin
    at = _skip(text, at + len(key))
    return _skip(text, at + 1) if text[at : at + 1] == ":" else begin


def _unique(pairs: list[tuple[str, object]]) -> object:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        return _Twice(next(name for name in names if names.count(name) > 1))
    return next((value for value in found.values() if isinstance(value, _Twice)), found)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_int=str, parse_float=str)


def _decoded(text: str, at: int) -> tuple[object, int]:
    """Return the value that stands there, and where it ends. Raises _Damage."""
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise _Damage(error.pos, f"not JSON: {error.msg}") from None
    except RecursionError:
        raise _Damage(at, "nested too deeply") from None


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _WHITESPACE:
        at += 1
    return at
