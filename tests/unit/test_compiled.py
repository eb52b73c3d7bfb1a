"""The compiled modules do what their sources do: they pass the same tests."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
#: what works on values, and is tested without services
TESTS: Final = ("tests/unit/snmp", "tests/unit/polling", "tests/unit/scheduling", "tests/unit/schemas")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_compiled_modules_pass_the_tests_of_their_sources(compiled: Path) -> None:
    folders = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["panoptes"]["compiled"]
    modules = [f"{folder.replace('/', '.')}.{name}" for folder, names in folders.items() for name in names.split()]
    code = f"from importlib import import_module as i\nfor m in {modules}: print(i(m).__file__)"
    files = run(compiled, "-c", code).stdout.splitlines()
    assert len(files) == len(modules)
    assert [file for file in files if not file.endswith(".so")] == []

    code = "from streams.runtime.ops.compiled import build; print(build())"
    assert run(compiled, "-c", code).stdout == f"compiled, {len(modules)} modules\n"

    tested = run(compiled, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", *TESTS)
    assert tested.returncode == 0, tested.stdout[-8000:]


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in a folder; what it says to stderr is in its output."""
    return subprocess.run(  # noqa: S603 - our own
        [sys.executable, *arguments],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
