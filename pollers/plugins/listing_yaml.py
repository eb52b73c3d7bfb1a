"""Lists in YAML, of which a damaged one is read entry by entry."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import yaml

from pollers.plugins.entries import WRAPPER, Entry, Listing, Wrong

#: an entry holds values and mappings of values, nothing deeper
_DEPTH: Final = 2
_ITEM: Final = re.compile(r"( *)-(?=\s|\Z)")
#: lines that stand between entries and belong to none
_BETWEEN: Final = re.compile(rf"(---|\.\.\.|{WRAPPER}:)\s*(#.*)?\Z")
_NO_ENTRY: Final = re.compile(r"\s*(#.*)?\Z|%")
#: what a field is called whose name is no text
_NO_NAME: Final = "(a list or a mapping)"


def parse_yaml(text: str) -> Listing:
    """Return the mappings of a list, or of `devices:` with a list. Every scalar is the text that stands there.

    Where the text is not YAML, what begins with `- ` is read each by itself, and only what is damaged is lost.
    """
    root = _composed(text)
    if isinstance(root, Wrong):
        return _one_by_one(text, root)
    if root is None:
        return Listing([], [])
    if isinstance(root, yaml.MappingNode) and [key.value for key, _ in root.value] == [WRAPPER]:
        root = root.value[0][1]
    if not isinstance(root, yaml.SequenceNode):
        return Listing([], [Wrong(root.start_mark.line + 1, "expected a list: begin each device with '- '")])
    return _entries(root)


def _composed(text: str) -> yaml.Node | Wrong | None:
    """Return the text's root, None where it is empty, or why it is not YAML."""
    try:  # strings only: no `no` that becomes False, no 1.10 that becomes 1.1
        root: yaml.Node | None = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return Wrong(mark.line + 1 if mark else 1, f"not YAML: {error.problem}")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return Wrong(line, f"not YAML: the character {chr(error.character)!r} is not allowed")
    except RecursionError:
        return Wrong(1, "not YAML that can be read: nested too deeply")
    except (ValueError, OverflowError) as error:  # of "\Uffffffff", and of a version with thousands of digits
        return Wrong(1, f"not YAML: {error}")
    return root


class _Piece(NamedTuple):
    """The lines of one entry."""

    line: int  #: of the first
    lines: list[str]


def _one_by_one(text: str, whole: Wrong) -> Listing:
    """Return what can be read of a damaged list; `whole` is what is wrong with it as one text."""
    pieces, wrong = _pieces(text)
    if not pieces:
        return Listing([], [whole._replace(what=f"{whole.what}; nothing of it was read")])
    entries: list[Entry] = []
    for piece in pieces:
        alone = "\n".join(piece.lines).rstrip()
        root = _composed(alone)
        if isinstance(root, Wrong):
            line = piece.line + root.line - 1
            wrong.append(Wrong(line, f"{root.what}; the entry that begins on line {piece.line} was not read"))
        elif isinstance(root, yaml.SequenceNode):
            found = _entries(root, above=piece.line - 1)
            entries += found.entries
            wrong += found.wrong
    return Listing(entries, wrong or [whole._replace(what=f"{whole.what}; the entries were read one by one")])


def _pieces(text: str) -> tuple[Sequence[_Piece], list[Wrong]]:
    """Return the lines from each `- ` to the next, and what stands before and between them that should not."""
    pieces: list[_Piece] = []
    wrong: list[Wrong] = []
    indent: int | None = None  #: of the list; deeper ones stand inside an entry
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        item = _ITEM.match(line)
        if item is not None and (indent is None or len(item[1]) <= indent):
            indent, inside = len(item[1]), True
            pieces.append(_Piece(number, [line]))
        elif _BETWEEN.match(line):
            if pieces and line.startswith("---"):
                wrong.append(Wrong(number, "a second list begins here: remove the ---, its entries were read"))
            indent, inside = None, False
        elif inside:
            pieces[-1].lines.append(line)
        elif not _NO_ENTRY.match(line):
            wrong.append(Wrong(number, "expected a list: begin each device with '- '"))
    return pieces, wrong


def _entries(root: yaml.SequenceNode, above: int = 0) -> Listing:
    """Return the list's entries; `above` lines stand above what was composed."""
    entries: list[Entry] = []
    wrong: list[Wrong] = []
    for node in root.value:
        line = above + node.start_mark.line + 1
        twice = _repeated(node)
        if not isinstance(node, yaml.MappingNode):
            wrong.append(Wrong(line, "expected fields like 'site: ...', found something else"))
        elif twice is not None:
            what = f"field {_name(twice)!r} stands there twice: remove one"
            wrong.append(Wrong(above + twice.start_mark.line + 1, what))
        else:
            entries.append(Entry(line, {_name(key): _plain(value) for key, value in node.value}))
    return Listing(entries, wrong)


def _name(key: yaml.Node) -> str:
    return str(key.value) if isinstance(key, yaml.ScalarNode) else _NO_NAME


def _repeated(node: yaml.Node, depth: int = 0) -> yaml.Node | None:
    """Return the first key that stands twice in a mapping, or in a mapping in it."""
    seen: set[str] = set()
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        inner: yaml.Node | None = key if _name(key) in seen else None
        if inner is None and depth < _DEPTH:
            inner = _repeated(value, depth + 1)
        if inner is not None:
            return inner
        seen.add(_name(key))
    return None


def _plain(node: yaml.Node, depth: int = 0) -> object:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    if depth == _DEPTH:
        return None  # never asked for, and an alias may lead round in circles
    if isinstance(node, yaml.MappingNode):
        return {_name(key): _plain(value, depth + 1) for key, value in node.value}
    return [_plain(item, depth + 1) for item in node.value]
