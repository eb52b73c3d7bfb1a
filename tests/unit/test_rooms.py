"""Who may know of clocks, processes, sockets and services: held by looking at what every file imports."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]

#: what a pure file does without (docs/design.md, "A map of the code")
_SERVICES: Final = frozenset({"faust", "mode", "aiokafka", "kazoo", "redis", "httpx"})
_SYSTEM: Final = frozenset({"asyncio", "threading", "subprocess", "socket", "time", "os", "logging"})
GUARDED: Final = _SERVICES | _SYSTEM
#: whose business it is; the first pattern that fits says what the file may import
ROOMS: Final = (
    ("streams/cli/*", GUARDED),
    ("streams/playground/*", GUARDED),
    ("streams/runtime/*", GUARDED),
    ("streams/*/agent*.py", GUARDED),
    ("pollers/snmp/wire/*.py", _SYSTEM - {"threading", "subprocess"}),
    ("pollers/plugins/sources/*.py", frozenset({"asyncio", "httpx"})),
    ("pollers/plugins/*.py", frozenset({"asyncio", "logging"})),
    ("*", frozenset[str]()),
)

FILES: Final = sorted(
    path.relative_to(ROOT).as_posix()
    for room in ("schemas", "pollers", "streams")
    for path in (ROOT / room).rglob("*.py")
)


def imported(source: str) -> Iterator[tuple[str, int]]:
    """Yield the first part of each imported module's name, and its line; also of imports inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0], node.lineno


def trespasses(file: str, source: str) -> list[str]:
    allowed = next(names for pattern, names in ROOMS if fnmatch(file, pattern))
    return [
        f"{file}:{line} imports {name}" for name, line in imported(source) if name in GUARDED and name not in allowed
    ]


def test_a_file_is_pure_unless_its_name_says_otherwise():
    found = [line for file in FILES for line in trespasses(file, (ROOT / file).read_text(encoding="utf-8"))]
    assert found == [], "see docs/design.md, A map of the code"


@pytest.mark.parametrize(
    ("file", "source", "expected"),
    [
        pytest.param("streams/gauges/fold/rates.py", "import time", ["time"], id="a-clock-in-a-pure-file"),
        pytest.param("streams/gauges/agent.py", "import time", [], id="a-clock-in-an-agent-file"),
        pytest.param("streams/scheduling/due.py", "def f():\n    from os import path", ["os"], id="inside-a-function"),
        pytest.param("pollers/plugins/lists/from_file.py", "import asyncio, os", ["os"], id="a-plugin-with-the-system"),
        pytest.param(
            "pollers/snmp/wire/transport.py", "import aiokafka.errors", ["aiokafka"], id="kafka-beside-devices"
        ),
        pytest.param("schemas/codec.py", "from timeit import timeit", [], id="another-name-that-begins-alike"),
    ],
)
def test_what_does_not_belong_is_found(file, source, expected):
    assert [line.rpartition(" ")[2] for line in trespasses(file, source)] == expected


def test_every_pattern_fits_some_file():
    assert [pattern for pattern, _ in ROOMS if not any(fnmatch(file, pattern) for file in FILES)] == []


def test_nothing_that_is_installed_imports_the_tests():
    found = [
        f"{file}:{line}"
        for file in FILES
        for name, line in imported((ROOT / file).read_text(encoding="utf-8"))
        if name == "tests"
    ]
    assert found == []
