"""The set-up says plainly what is missing, installs it as root, and stops when it cannot go on."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
#: what the script itself runs; everything else is missing
TOOLS = ("awk", "bash", "dirname", "mkdir", "sed", "head", "tail", "cat", "sha256sum", "cut")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A clone with nothing set up, and a PATH with nothing on it that the set-up could find."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tmp_path / "scripts")
    path = tmp_path / "bin"
    path.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (path / name).symlink_to(found)
    return tmp_path


def _program(bare: Path, name: str, body: str) -> None:
    script = bare / "bin" / name
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)


def _setup(bare: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(bare / "bin"), "HOME": str(bare)}
    command = [str(bare / "bin" / "bash"), str(bare / "scripts" / "setup"), *arguments]
    return subprocess.run(  # noqa: S603
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_user_is_told_what_is_missing_and_how_to_get_it(bare: Path) -> None:
    _program(bare, "id", "echo 1000")
    _program(bare, "apt-get", f"touch {bare}/called")
    done = _setup(bare)
    assert done.returncode == 1
    assert "missing: Java 17 or newer" in done.stdout
    assert "sudo apt-get install" in done.stdout
    assert "cannot go on without Maven (Debian: maven)" in done.stdout
    assert not (bare / "called").exists()
    assert not (bare / ".venv").exists()


def test_root_gets_what_is_missing_from_apt_without_starting_any_service(bare: Path) -> None:
    _program(bare, "id", "echo 0")
    _program(bare, "apt-get", f'echo "$RUNLEVEL $*" >> {bare}/called')
    done = _setup(bare)
    update, *installs = (bare / "called").read_text().splitlines()
    assert update.endswith("update -qq")
    assert all(install.startswith("1 install -y") for install in installs)
    wanted = {word for install in installs for word in install.split()}
    assert {"openjdk-17-jre-headless", "maven", "redis-server"} <= wanted
    assert done.returncode == 1, "the stub installs nothing"


def test_a_package_that_cannot_be_had_keeps_no_other_from_being_installed(bare: Path) -> None:
    _program(bare, "id", "echo 0")
    _program(bare, "mvn", "exit 0")
    _program(
        bare,
        "apt-get",
        f"""case "$*" in
            update*) echo a mirror is away; exit 100;;
            *redis-server*) echo no redis here; exit 100;;
            *) echo "$*" >> {bare}/installed;;
        esac""",
    )
    done = _setup(bare)
    first, *others = (bare / "installed").read_text().splitlines()
    assert "openjdk-17-jre-headless" in first.split()
    assert not {"redis-server", "snmpd", "snmp"} & set(first.split()), "what is needed comes first, by itself"
    assert "snmp" in [other.split()[-1] for other in others]
    assert "a mirror is away" in done.stdout
    assert "no redis here" in done.stdout


def test_what_the_lab_is_made_of_is_installed_only_where_the_lab_is(bare: Path) -> None:
    _program(bare, "id", "echo 0")
    _program(bare, "apt-get", f'echo "$*" >> {bare}/called')
    assert "iperf3" not in _setup(bare).stdout
    assert "missing: iperf3 (without it: no lab, and its tests are skipped)" in _setup(bare, "--lab").stdout
    asked = [line.split()[-1] for line in (bare / "called").read_text().splitlines()]
    assert asked.count("redis-server") == 2
    assert asked.count("iperf3") == 1


def test_what_apt_says_is_shown_when_it_fails(bare: Path) -> None:
    _program(bare, "id", "echo 0")
    _program(bare, "apt-get", "echo no such package; exit 100")
    done = _setup(bare)
    assert done.returncode == 1
    assert "no such package" in done.stdout
    assert "apt could not install all of them" in done.stdout


def test_a_java_that_is_too_old_counts_as_missing(bare: Path) -> None:
    _program(bare, "id", "echo 1000")
    _program(bare, "java", """echo 'openjdk version "11.0.2" 2019-01-15' >&2""")
    assert "missing: Java 17 or newer" in _setup(bare).stdout


def test_what_can_be_done_without_does_not_stop_the_set_up(bare: Path) -> None:
    _program(bare, "id", "echo 1000")
    _program(bare, "java", """echo 'openjdk version "21.0.2" 2024-01-15' >&2""")
    _program(bare, "mvn", "exit 0")
    made = bare / ".venv" / "bin"
    made.mkdir(parents=True)
    for name in ("python", "panoptes"):
        (made / name).write_text(f'#!/bin/sh\necho "$*" >> {bare}/ran\n')
        (made / name).chmod(0o755)
    for name in ("requirements.lock", "pyproject.toml"):
        (bare / name).write_text("")
    (bare / ".state" / "jars").mkdir(parents=True)
    services = bare / "streams" / "playground" / "services"
    services.mkdir(parents=True)
    (services / "jars.lock").write_text("")
    first, ran = _setup(bare), (bare / "ran").read_text()
    assert first.returncode == 0, first.stdout + first.stderr
    assert "going on without redis-server" in first.stdout
    installs = [line for line in ran.splitlines() if "requirements.lock" in line]
    assert installs
    assert all("--require-hashes" in line for line in installs)
    assert "stack fetch" in ran
    assert _setup(bare).returncode == 0
    again = (bare / "ran").read_text().removeprefix(ran)
    assert "install" not in again, "a second run has nothing to do"
    assert "fetch" not in again
