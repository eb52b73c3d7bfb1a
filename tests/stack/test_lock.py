"""The lock gate notices every way in which lock, project and environment can drift apart."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FILES = ("scripts/check_lock.py", "pyproject.toml", "requirements.lock")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def _check(copy: Path) -> tuple[int, str]:
    command = [sys.executable, str(copy / "scripts" / "check_lock.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    return done.returncode, done.stdout


def _edit(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text(), count=1, flags=re.MULTILINE)
    assert count == 1
    path.write_text(text)


def test_what_is_committed_is_in_step(copy: Path) -> None:
    assert _check(copy) == (0, "")


@pytest.mark.parametrize(
    ("file", "pattern", "replacement", "complaint"),
    [
        pytest.param(
            "pyproject.toml",
            r'^  "rich>=\S+",',
            '  "rich>=14", "brand-new>=1",',
            "brand-new (pyproject.toml) is not in the lock",
            id="a-new-dependency-is-not-locked",
        ),
        pytest.param(
            "pyproject.toml",
            r'^  "rich>=\S+",',
            '  "rich>=999",',
            "does not satisfy rich>=999 (pyproject.toml)",
            id="a-raised-bound-is-not-locked",
        ),
        pytest.param(
            "pyproject.toml",
            r'^  "honcho>=\S+",\n',
            "",
            "honcho is locked, but nothing asks for it",
            id="a-dropped-dependency-is-still-locked",
        ),
        pytest.param(
            "requirements.lock",
            r"^kazoo==\S+",
            "kazoo==999.0",
            "is installed, 999.0 is locked",
            id="another-version-is-installed",
        ),
        pytest.param(
            "requirements.lock",
            r"^(kazoo==\S+) \\\n(    --hash=\S+( \\)?\n)+",
            r"\1\n",
            "kazoo has no hash",
            id="a-pin-has-no-hash",
        ),
    ],
)
def test_a_difference_is_named(copy: Path, file: str, pattern: str, replacement: str, complaint: str) -> None:
    _edit(copy / file, pattern, replacement)
    status, said = _check(copy)
    assert status == 1
    assert complaint in said
