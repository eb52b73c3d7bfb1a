"""The wheel, installed into an empty environment, runs the demo in an empty folder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = ("streams", "pollers", "schemas", "setup.py", "pyproject.toml", "README.md", "LICENSE")
MADE_S: Final = 300
CHECK_S: Final = 300

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(MADE_S + CHECK_S + 120)]


def _run(command: list[str], seconds: float, **options: object) -> str:
    done = subprocess.run(  # noqa: S603 - our own
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        timeout=seconds, **options,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


@pytest.fixture(scope="module")
def panoptes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, of the wheel as it is built now and of the locked dependencies, without any extra."""
    made = tmp_path_factory.mktemp("wheel")
    source = made / "source"
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    _run([*build, "--wheel-dir", str(made), str(source)], MADE_S)
    (wheel,) = made.glob("*.whl")
    lock = re.sub(r" *\\\n *--hash=\S+", "", (ROOT / "requirements.lock").read_text())
    (made / "constraints").write_text(lock)
    _run([sys.executable, "-m", "venv", str(made / "venv")], MADE_S)
    install = [str(made / "venv" / "bin" / "pip"), "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    _run([*install, "--constraint", str(made / "constraints"), str(wheel)], MADE_S)
    return made / "venv" / "bin" / "panoptes"


def _environment(path: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("HOME", "JAVA_HOME", "LC_ALL") if name in os.environ}
    return {**kept, "PATH": path}


def test_the_demo_checks_itself_in_an_empty_folder(panoptes: Path, tmp_path: Path, jars: Path) -> None:
    # the events come sooner than by default, so that it takes less than two minutes
    command = [str(panoptes), "demo", "--check", "--devices", "12", "--interval", "10", "--events-every", "75"]
    said = _run(
        [*command, "--within", str(CHECK_S), "--jars", str(jars)],
        CHECK_S + 60,
        cwd=tmp_path,
        env=_environment(os.environ["PATH"]),
    )
    assert "\nPASSED\n" in said
    assert re.search(r"^[1-9]\d* gauges of cpu, .* are right$", said, re.MULTILINE), said
    assert "read with aiokafka" in said, "confluent-kafka comes with the extra"
    assert {path.name for path in tmp_path.iterdir()} == {".state"}


def test_what_the_machine_lacks_is_named_with_what_installs_it(panoptes: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in _environment(str(tmp_path)).items() if name != "JAVA_HOME"}
    done = subprocess.run(  # noqa: S603 - our own
        [str(panoptes), "demo", "--check"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    for wanted in ("openjdk-17-jre-headless", "maven", "redis-server"):
        assert f"apt-get install {wanted}" in done.stderr
    assert "pip install 'panoptes-streams[demo]'" in done.stderr
