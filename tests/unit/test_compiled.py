"""The compiled modules do what their sources do: they pass the same tests."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
NEEDED: Final = ("streams", "pollers", "schemas", "tests", "setup.py", "pyproject.toml")
#: what works on values, and is tested without services
TESTS: Final = ("tests/unit/snmp", "tests/unit/polling", "tests/unit/scheduling", "tests/unit/schemas")
HEADERS: Final = Path(sysconfig.get_path("include")) / "Python.h"


@pytest.mark.timeout(900)
@pytest.mark.skipif(
    shutil.which(sysconfig.get_config_var("CC").split()[0]) is None or not HEADERS.exists(),
    reason="needs a C compiler and the headers of Python",
)
def test_compiled_modules_pass_the_tests_of_their_sources(tmp_path):
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    env = {**os.environ, "PANOPTES_COMPILE": "0"}
    made = run(tmp_path, env, "setup.py", "--quiet", "build_ext", "--inplace", "--parallel", "2")
    assert made.returncode == 0, made.stdout[-4000:]

    folders = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["panoptes"]["compiled"]
    modules = [f"{folder.replace('/', '.')}.{name}" for folder, names in folders.items() for name in names.split()]
    code = f"from importlib import import_module as i\nfor m in {modules}: print(i(m).__file__)"
    files = run(tmp_path, env, "-c", code).stdout.splitlines()
    assert len(files) == len(modules)
    assert [file for file in files if not file.endswith(".so")] == []

    tested = run(tmp_path, env, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS)
    assert tested.returncode == 0, tested.stdout[-8000:]


def run(folder: Path, env: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in a folder; what it says to stderr is in its output."""
    return subprocess.run(  # noqa: S603 - our own
        [sys.executable, *arguments],
        cwd=folder,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
