"""One name means one thing: no two public classes share one, and the glossary's words stand where it says."""

import ast
import re
from collections import defaultdict
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
_LINE: Final = re.compile(r"^\| ([^|\n]+?) \| (?:[^|\n]|\\\|)+? \| `(\w+)` in `([\w/]+\.py)` \|$", re.MULTILINE)
_ROW: Final = re.compile(r"^\| (?!word \|)", re.MULTILINE)
TEXT: Final = (ROOT / "docs" / "glossary.md").read_text()
WORDS: Final = _LINE.findall(TEXT)


def classes(path: Path) -> list[str]:
    return [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]


def test_no_two_public_classes_have_one_name() -> None:
    where: dict[str, list[str]] = defaultdict(list)
    for room in ("schemas", "pollers", "streams"):
        for path in (ROOT / room).rglob("*.py"):
            for name in classes(path):
                where[name].append(path.relative_to(ROOT).as_posix())
    assert len(where) > 300
    assert {name: files for name, files in where.items() if len(files) > 1 and not name.startswith("_")} == {}


def test_every_line_of_the_glossary_is_read() -> None:
    assert len(WORDS) == len(_ROW.findall(TEXT)) > 40
    assert len({word for word, _, _ in WORDS}) == len(WORDS)


@pytest.mark.parametrize(("name", "file"), sorted({(name, file) for _, name, file in WORDS}))
def test_a_word_of_the_glossary_is_defined_where_it_says(name: str, file: str) -> None:
    assert name in classes(ROOT / file)
