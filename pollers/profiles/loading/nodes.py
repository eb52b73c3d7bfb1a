"""Parses YAML into texts, lists and mappings with their lines; tags and aliases are refused.

The safe loader's composer is used and its constructors are not: no tag builds an object, anchors and aliases are
refused (a few lines of them expand to gigabytes), and nesting is bounded before anything recurses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import yaml

from pollers.profiles.place import FileLine, Problem, ProfileError

MAX_BYTES: Final = 2 * 2**20
MAX_DEPTH: Final = 24
_NULL: Final = "tag:yaml.org,2002:null"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Value: TypeAlias = "str | tuple[Node, ...] | Mapping[str, Node] | None"


@dataclass(frozen=True, slots=True)
class Node:
    at: FileLine
    value: Value


def parse_yaml(text: str, file: str) -> tuple[Node, list[Problem]]:
    """Parse a document to its root, and its invalid and repeated keys; the first of a repeated key counts.

    Raises ProfileError for what cannot be read at all.
    """
    if len(text) > MAX_BYTES:
        raise ProfileError([Problem(FileLine(file, 0), "", f"a file of at most {MAX_BYTES} characters")])
    try:
        _check_events(text, file)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(filter(None, (error.context, error.problem)))
        raise ProfileError([Problem(FileLine(file, mark.line + 1 if mark else 0), "", f"YAML ({what})")]) from error
    except (yaml.YAMLError, ValueError) as error:
        raise ProfileError([Problem(FileLine(file, 0), "", f"YAML ({error})")]) from error
    if root is None:
        raise ProfileError([Problem(FileLine(file, 0), "", "a profile, not an empty file")])
    problems: list[Problem] = []
    return _node(root, file, "", problems), problems


def _check_events(text: str, file: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        at = FileLine(file, event.start_mark.line + 1 if event.start_mark else 0)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ProfileError([Problem(at, "", "no anchors and aliases; use `extends`")])
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise ProfileError([Problem(at, "", f"at most {MAX_DEPTH} levels of nesting")])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _node(node: yaml.Node, file: str, path: str, problems: list[Problem]) -> Node:
    at = FileLine(file, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        return Node(at, None if node.tag == _NULL else node.value)
    if isinstance(node, yaml.SequenceNode):
        items = enumerate(node.value)
        return Node(at, tuple(_node(item, file, f"{path}[{place}]", problems) for place, item in items))
    found: dict[str, Node] = {}
    for key, value in node.value:
        at_key = FileLine(file, key.start_mark.line + 1)
        if not isinstance(key, yaml.ScalarNode):
            problems.append(Problem(at_key, path, "a text as key"))
            continue
        inner = f"{path}.{key.value}" if path else str(key.value)
        if key.value in found:
            problems.append(Problem(at_key, inner, "each key once"))
        else:
            found[key.value] = _node(value, file, inner, problems)
    return Node(at, found)


#: sections whose entries are merged by name; entries of `tables` and `scalars` are merged once more
_BY_NAME: Final = frozenset({"scalars", "tables", "computed", "emit", "static_tags"})
_TABLES: Final = frozenset({"scalars", "tables"})
_INSIDE_TABLES: Final = frozenset({"columns", "tags", "static_tags", "join"})
#: what a profile says of itself only
_OWN: Final = frozenset({"profile", "description", "match", "extends", "replaces", "yields", "format"})


def merge_profiles(parent: Mapping[str, Node], child: Mapping[str, Node]) -> dict[str, Node]:
    """Merge a child with its parent: sections by name; a null removes an entry."""
    merged = {key: node for key, node in parent.items() if key not in _OWN}
    for key, node in child.items():
        if key in _BY_NAME and key in merged:
            merged[key] = _merged(merged[key], node, merge_table if key in _TABLES else None)
        else:
            merged[key] = node
    return merged


def merge_table(parent: Node, child: Node) -> Node:
    """Merge a table with the one that it extends; a null removes an entry."""
    if not isinstance(parent.value, Mapping) or not isinstance(child.value, Mapping):
        return child
    merged = dict(parent.value)
    for key, node in child.value.items():
        merged[key] = _merged(merged[key], node, None) if key in _INSIDE_TABLES and key in merged else node
    return Node(child.at, merged)


def _merged(parent: Node, child: Node, inner: "type[None] | object | None") -> Node:
    if not isinstance(parent.value, Mapping) or not isinstance(child.value, Mapping):
        return child
    merged = dict(parent.value)
    for name, node in child.value.items():
        if node.value is None:
            merged.pop(name, None)
        elif inner is merge_table and name in merged:
            merged[name] = merge_table(merged[name], node)
        else:
            merged[name] = node
    return Node(child.at, merged)
