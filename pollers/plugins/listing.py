"""Lists of things as text (JSON, YAML, CSV) -> fields with the line on which each entry stands."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import yaml

_WHITESPACE: Final = " \t\r\n"
#: the key under which a list may stand in JSON and YAML
WRAPPER: Final = "devices"
#: an entry holds values and mappings of values, nothing deeper
_DEPTH: Final = 2


class Entry(NamedTuple):
    line: int  #: where it begins, from 1
    fields: Mapping[str, object]  #: str or, where a list nests, dict and list of them


class Wrong(NamedTuple):
    line: int
    what: str  #: what was wrong, and what to do


class Listing(NamedTuple):
    entries: Sequence[Entry]
    wrong: Sequence[Wrong]


def parse_json(text: str) -> Listing:
    """Return the objects of an array, of `{"devices": [...]}`, or of one object a line; all that precede an error."""
    entries: list[Entry] = []
    wrong: list[Wrong] = []
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_int=str, parse_float=str)
    try:
        for at, value in _json_values(text, decoder):
            line = _line(text, at)
            if isinstance(value, dict):
                entries.append(Entry(line, value))
            else:
                wrong.append(Wrong(line, f'expected an object like {{"site": ...}}, found {json.dumps(value)[:40]}'))
    except json.JSONDecodeError as error:
        wrong.append(Wrong(error.lineno, f"not JSON: {error.msg}; mend it, the entries after it were not read"))
    except _UnusableValueError as error:
        wrong.append(Wrong(_line(text, error.at), f"{error}; the entries after it were not read"))
    return Listing(entries, wrong)


class _UnusableValueError(ValueError):
    at: int = 0


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _UnusableValueError(f"field {twice!r} stands there twice: remove one")
    return found


def _json_values(text: str, decoder: json.JSONDecoder) -> Iterator[tuple[int, object]]:
    """Give (offset, value) of each element. Raises JSONDecodeError, _UnusableValueError."""
    at = _skip(text, 0)
    if text[at : at + 1] == "{":
        at = _inside_wrapper(text, at)
    if text[at : at + 1] != "[":
        yield from _json_documents(text, at, decoder)
        return
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        value, end = _decode(text, at, decoder)
        yield at, value
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "]":
            raise json.JSONDecodeError("expected ',' or ']'", text, at)


def _inside_wrapper(text: str, at: int) -> int:
    """Return where the list of `{"devices": [` begins, or `at` where the text begins otherwise."""
    end = _skip(text, at + 1)
    key = json.dumps(WRAPPER)
    if text[end : end + len(key)] != key:
        return at
    end = _skip(text, end + len(key))
    return _skip(text, end + 1) if text[end : end + 1] == ":" else at


def _json_documents(text: str, at: int, decoder: json.JSONDecoder) -> Iterator[tuple[int, object]]:
    while at < len(text):
        value, end = _decode(text, at, decoder)
        yield at, value
        at = _skip(text, end)


def _decode(text: str, at: int, decoder: json.JSONDecoder) -> tuple[object, int]:
    try:
        value, end = decoder.raw_decode(text, at)
    except _UnusableValueError as error:
        error.at = at
        raise
    except RecursionError:
        deep = _UnusableValueError("nested too deeply: mend it")
        deep.at = at
        raise deep from None
    return value, end


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _WHITESPACE:
        at += 1
    return at


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def parse_yaml(text: str) -> Listing:
    """Return the mappings of a list, or of `devices:` with a list. Every scalar is the text that stands there."""
    try:  # strings only: no `no` that becomes False, no 1.10 that becomes 1.1
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return Listing([], [Wrong(mark.line + 1 if mark else 1, f"not YAML: {error.problem}; nothing of it was read")])
    except yaml.reader.ReaderError as error:
        what = f"not YAML: the character {chr(error.character)!r} is not allowed; nothing of it was read"
        return Listing([], [Wrong(_line(text, error.position), what)])
    except RecursionError:
        return Listing([], [Wrong(1, "not YAML that can be read: nested too deeply; nothing of it was read")])
    if root is None:
        return Listing([], [])
    if isinstance(root, yaml.MappingNode) and [key.value for key, _ in root.value] == [WRAPPER]:
        root = root.value[0][1]
    if not isinstance(root, yaml.SequenceNode):
        return Listing([], [Wrong(root.start_mark.line + 1, "expected a list: begin each device with '- '")])
    return _yaml_entries(root)


def _yaml_entries(root: yaml.SequenceNode) -> Listing:
    entries: list[Entry] = []
    wrong: list[Wrong] = []
    for node in root.value:
        line = node.start_mark.line + 1
        twice = _repeated(node)
        if not isinstance(node, yaml.MappingNode):
            wrong.append(Wrong(line, "expected fields like 'site: ...', found something else"))
        elif twice is not None:
            wrong.append(Wrong(twice.start_mark.line + 1, f"field {twice.value!r} stands there twice: remove one"))
        else:
            entries.append(Entry(line, {str(key.value): _plain(value) for key, value in node.value}))
    return Listing(entries, wrong)


def _repeated(node: yaml.Node, depth: int = 0) -> yaml.ScalarNode | None:
    """Return the first key that stands twice in a mapping, or in a mapping in it."""
    seen: set[str] = set()
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        inner: yaml.ScalarNode | None = key if str(key.value) in seen else None
        if inner is None and depth < _DEPTH:
            inner = _repeated(value, depth + 1)
        if inner is not None:
            return inner
        seen.add(str(key.value))
    return None


def _plain(node: yaml.Node, depth: int = 0) -> object:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    if depth == _DEPTH:
        return None  # never asked for, and an alias may lead round in circles
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value, depth + 1) for key, value in node.value}
    return [_plain(item, depth + 1) for item in node.value]


def parse_csv(text: str) -> Listing:
    """Return the rows under a header line; comma or semicolon; lines that begin with # are comments."""
    numbered = [(n, line) for n, line in enumerate(text.splitlines(keepends=True), 1) if not line.startswith("#")]
    if not numbered:
        return Listing([], [])
    header = numbered[0][1]
    delimiter = ";" if ";" in header and "," not in header else ","
    reader = csv.reader((line for _, line in numbered), delimiter=delimiter, strict=True)
    entries: list[Entry] = []
    wrong: list[Wrong] = []
    names: list[str] | None = None
    consumed = 0
    try:
        for row in reader:
            line, consumed = numbered[consumed][0], reader.line_num
            if not any(cell.strip() for cell in row):
                continue
            if names is None:
                names = [cell.strip() for cell in row]
            elif len(row) != len(names):
                wrong.append(Wrong(line, f"expected {len(names)} columns as in the header, found {len(row)}"))
            else:
                entries.append(
                    Entry(line, {n: cell.strip() for n, cell in zip(names, row, strict=True) if cell.strip()})
                )
    except csv.Error as error:
        line = numbered[min(consumed, len(numbered) - 1)][0]
        wrong.append(Wrong(line, f"not CSV: {error}; mend the quotes, the lines after it were not read"))
    twice = sorted({name for name in names or () if (names or ()).count(name) > 1})
    if twice:
        return Listing([], [Wrong(numbered[0][0], f"column {twice[0]!r} stands there twice: remove one")])
    return Listing(entries, wrong)


#: format -> its parser; also the endings of file names
FORMATS: Final[Mapping[str, Callable[[str], Listing]]] = {
    "json": parse_json,
    "jsonl": parse_json,
    "yaml": parse_yaml,
    "yml": parse_yaml,
    "csv": parse_csv,
}
