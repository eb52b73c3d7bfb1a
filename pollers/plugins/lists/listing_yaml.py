"""Parses YAML lists; a damaged file is refused as a whole."""

from typing import Final

import yaml

from pollers.plugins.lists.entries import WRAPPER, Entry, Listing, Wrong, refused

#: an entry holds values and mappings of values, nothing deeper
_DEPTH: Final = 2
#: what a field is called whose name is no text
_NO_NAME: Final = "(a list or a mapping)"


def parse_yaml(text: str) -> Listing:
    """Return the mappings of a list, or of `devices:` with a list. Every scalar is the text that stands there."""
    root = _composed(text)
    if isinstance(root, Wrong):
        return refused(*root)
    if root is None:
        return Listing([], [])
    if isinstance(root, yaml.MappingNode) and [key.value for key, _ in root.value] == [WRAPPER]:
        root = root.value[0][1]
    if not isinstance(root, yaml.SequenceNode):
        return refused(root.start_mark.line + 1, "expected a list: begin each device with '- '")
    return _entries(root)


def _composed(text: str) -> yaml.Node | Wrong | None:
    """Return the text's root, None where it is empty, or why it is not YAML."""
    try:  # strings only: no `no` that becomes False, no 1.10 that becomes 1.1
        root: yaml.Node | None = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark is not None and mark.line >= text.rstrip().count("\n") + 1:
            mark = error.context_mark or mark  # what is never closed: where it was opened
        return Wrong(mark.line + 1 if mark else 1, f"not YAML: {error.problem}")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return Wrong(line, f"not YAML: the character {chr(error.character)!r} is not allowed")
    except RecursionError:
        return Wrong(1, "not YAML that can be read: nested too deeply")
    except (ValueError, OverflowError) as error:  # of "\Uffffffff", and of a version with thousands of digits
        return Wrong(1, f"not YAML: {error}")
    return root


def _entries(root: yaml.SequenceNode) -> Listing:
    entries: list[Entry] = []
    wrong: list[Wrong] = []
    for node in root.value:
        line = node.start_mark.line + 1
        twice = _repeated(node)
        if not isinstance(node, yaml.MappingNode):
            wrong.append(Wrong(line, "expected fields like 'site: ...', found something else"))
        elif twice is not None:
            what = f"field {_name(twice)!r} stands there twice: remove one"
            wrong.append(Wrong(twice.start_mark.line + 1, what))
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
