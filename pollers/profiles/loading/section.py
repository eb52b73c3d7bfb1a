"""Reads one mapping of a profile key by key; problems and unknown keys are reported with their line."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from pollers.profiles.loading.nodes import Node
from pollers.profiles.place import FileLine, Problem

T = TypeVar("T")

NAME: Final = re.compile(r"[A-Za-z_]\w{0,63}\Z")
_OID: Final = re.compile(r"\.?[0-2](\.\d{1,10}){1,127}\Z")
_DURATION: Final = re.compile(r"(\d{1,7})([smhd]?)\Z")
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_NUMBER: Final = re.compile(r"[-+]?\d{1,20}(\.\d{1,20})?([eE][-+]?\d{1,2})?\Z")
MAX_ARC: Final = 2**32 - 1


class ProfileSection:
    """A mapping under `path`; `problems` is shared by all sections of a file."""

    def __init__(self, node: Node | None, path: str, problems: list[Problem], at: FileLine | None = None) -> None:
        self.path = path
        self.problems = problems
        self.at = node.at if node else at or FileLine("", 0)
        self._left: dict[str, Node] = {}
        if node is not None and isinstance(node.value, Mapping):
            self._left = dict(node.value)
        elif node is not None and node.value is not None:
            self.problem(node.at, "", "a mapping (key: value)")

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def problem(self, at: FileLine, key: str, expected: str) -> None:
        self.problems.append(Problem(at, ".".join(filter(None, (self.path, key))), expected))

    def take(self, key: str) -> Node | None:
        """Return the node of a key and mark the key as read; None where it is absent or null."""
        node = self._left.pop(key, None)
        return None if node is None or node.value is None else node

    def line_of(self, key: str) -> FileLine:
        node = self._left.get(key)
        return node.at if node else self.at

    def text(self, key: str, *, needed: bool = False) -> str | None:
        node = self.take(key)
        if node is None:
            if needed:
                self.problem(self.at, key, "a text (it is required)")
            return None
        return self.as_text(node, key)

    def as_text(self, node: Node, key: str) -> str | None:
        if isinstance(node.value, str):
            return node.value
        self.problem(node.at, key, "a text")
        return None

    def parsed(self, key: str, parse: Callable[[str], T], expected: str) -> T | None:
        """Parse a text by `parse`; its ValueError becomes a problem with `expected` or the error's own words."""
        node = self.take(key)
        if node is None:
            return None
        text = self.as_text(node, key)
        return None if text is None else self.parse_text(node.at, key, text, parse, expected)

    def parse_text(self, at: FileLine, key: str, text: str, parse: Callable[[str], T], expected: str) -> T | None:
        try:
            return parse(text)
        except ValueError as error:
            self.problem(at, key, expected or str(error))
            return None

    def name(self, key: str) -> str | None:
        return self.parsed(key, as_name, "a name (letters, digits, _; at most 64)")

    def choice(self, key: str, words: Sequence[str]) -> str | None:
        return self.parsed(key, lambda text: _one_of(text, words), f"one of {', '.join(words)}")

    def flag(self, key: str) -> bool:
        return self.choice(key, ("true", "false")) == "true"

    def integer(self, key: str, low: int, high: int) -> int | None:
        return self.parsed(key, lambda text: _integer(text, low, high), f"a whole number from {low} to {high}")

    def number(self, key: str) -> float | None:
        return self.parsed(key, as_number, "a number")

    def duration_s(self, key: str) -> int | None:
        return self.parsed(key, as_duration_s, "a duration from 1s to 7d, e.g. 30s, 5m, 1h")

    def oid(self, key: str) -> str | None:
        return self.parsed(key, as_oid, "an OID in numbers, e.g. 1.3.6.1.2.1.1.3.0")

    def items(self, key: str) -> tuple[Node, ...]:
        """Return the items of a list; a single text counts as a list of one."""
        node = self.take(key)
        if node is None:
            return ()
        if isinstance(node.value, str):
            return (node,)
        if isinstance(node.value, tuple):
            return node.value
        self.problem(node.at, key, "a list")
        return ()

    def texts(self, key: str) -> tuple[str, ...]:
        texts = [self.as_text(node, key) for node in self.items(key)]
        return tuple(text for text in texts if text is not None)

    def entries(self, key: str) -> Iterator[tuple[str, Node]]:
        """Yield the entries of a mapping whose keys are names."""
        node = self.take(key)
        if node is None:
            return
        if not isinstance(node.value, Mapping):
            self.problem(node.at, key, "a mapping (name: ...)")
            return
        for name, entry in node.value.items():
            if entry.value is None:
                self.problem(entry.at, f"{key}.{name}", "a value (a null takes away what `extends` brought)")
            elif NAME.match(name):
                yield name, entry
            else:
                self.problem(entry.at, f"{key}.{name}", "a name (letters, digits, _; at most 64)")

    def text_map(self, key: str) -> dict[str, str]:
        """Return a mapping of texts to texts; keys are free."""
        node = self.take(key)
        if node is None:
            return {}
        if not isinstance(node.value, Mapping):
            self.problem(node.at, key, "a mapping (text: text)")
            return {}
        found = {name: self.as_text(entry, f"{key}.{name}") for name, entry in node.value.items()}
        return {name: text for name, text in found.items() if text is not None}

    def finish(self, known: Sequence[str]) -> None:
        """Report every key that was not read."""
        for key, node in self._left.items():
            self.problem(node.at, key, f"one of the keys {', '.join(known)}")


def _one_of(text: str, words: Sequence[str]) -> str:
    if text not in words:
        raise ValueError
    return text


def _integer(text: str, low: int, high: int) -> int:
    if not re.fullmatch(r"-?\d{1,12}", text) or not low <= int(text) <= high:
        raise ValueError
    return int(text)


def as_name(text: str) -> str:
    """Return the text if it is a valid name. Raises ValueError."""
    if not NAME.match(text):
        raise ValueError
    return text


def as_number(text: str) -> float:
    """Parse a number. Raises ValueError."""
    if not _NUMBER.match(text):
        raise ValueError
    return float(text)


def as_duration_s(text: str) -> int:
    """Parse a duration such as 30, 30s, 5m, 1h or 1d to seconds. Raises ValueError."""
    match = _DURATION.match(text)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 1 <= seconds <= 7 * 86_400:
        raise ValueError
    return seconds


def as_oid(text: str) -> str:
    """Parse an OID, and return it without a leading dot. Raises ValueError."""
    oid = text.strip().removeprefix(".")
    if not _OID.match(oid) or any(int(arc) > MAX_ARC for arc in oid.split(".")):
        raise ValueError
    return ".".join(str(int(arc)) for arc in oid.split("."))
