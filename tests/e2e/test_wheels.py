"""What `make wheels` has built, each installed into an empty environment: it runs, and polls a recording.

make wheels && make test-wheels
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = os.environ.get("WHEELS", "")
BUILT: Final = sorted((ROOT / FOLDER).glob("panoptes_streams-*")) if FOLDER else []
RECORDING: Final = next((ROOT / "tests" / "golden" / "devices").rglob("*.snmprec"), None)
INSTALLED_S: Final = 600

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(INSTALLED_S + 60),
    pytest.mark.skipif(not FOLDER, reason="asked for by `make test-wheels`"),
]


def _run(*command: str | Path, folder: Path) -> str:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(Path.home())}
    done = subprocess.run(  # noqa: S603 - our own
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def _python(version: str) -> Path:
    """Return a Python of that version; a pyenv shim may have none behind it, so it is asked."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = shutil.which(f"python{version}")
    for candidate in (*pyenv.glob(f"{version}.*/bin/python{version}"), *([Path(on_path)] if on_path else [])):
        if subprocess.run([candidate, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0:  # noqa: S603
            return candidate
    pytest.skip(f"needs Python {version}")


@pytest.mark.parametrize("built", BUILT, ids=lambda path: path.name)
def test_it_installs_into_an_empty_environment_and_polls(built: Path, tmp_path: Path) -> None:
    compiled = re.search(r"-cp3(\d+)-", built.name)
    python = _python(f"3.{compiled[1]}" if compiled else "3.11")
    (tmp_path / "constraints").write_text(re.sub(r" *\\\n *--hash=\S+", "", (ROOT / "requirements.lock").read_text()))
    _run(python, "-m", "venv", "venv", folder=tmp_path)
    pip = [tmp_path / "venv" / "bin" / "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    _run(*pip, "--constraint", "constraints", built, folder=tmp_path)
    panoptes = tmp_path / "venv" / "bin" / "panoptes"
    version = _run(panoptes, "--version", folder=tmp_path)
    assert ("; compiled, " in version) == bool(compiled), version
    assert "not from the sources" not in version
    assert RECORDING is not None
    said = _run(panoptes, "poll", "--walk", RECORDING, "--json", folder=tmp_path)
    assert said.count("\n") > 3
    _run(panoptes, "init", "--start", "local", "network", folder=tmp_path)
    assert "the configuration is good" in _run(panoptes, "config", "check", folder=tmp_path / "network")


def test_all_that_is_published_is_there() -> None:
    assert {path.suffix for path in BUILT} == {".gz", ".whl"}
    assert any("-py3-none-any" in path.name for path in BUILT)
    assert any("manylinux_2_17" in path.name for path in BUILT)
