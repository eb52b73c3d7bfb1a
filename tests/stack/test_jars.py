"""Only the jars that the lock names are run, whatever Maven brings."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from streams.playground.services import StackProblem, jars

GOOD = {"a.jar": b"one", "lib/b.jar": b"two"}


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Maven that copies what stands in a folder, and a lock that names GOOD for zookeeper."""
    brings = tmp_path / "brings"
    _put(brings, GOOD)
    program = tmp_path / "bin" / "mvn"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\nfor word; do case "$word" in -DoutputDirectory=*) to="${word#*=}";; esac; done\n'
        f'echo called >>{tmp_path}/called\ncp -r {brings}/. "$to"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    lock = tmp_path / "jars.lock"
    lock.write_text("".join(f"{digest}  zookeeper/{path}\n" for path, digest in jars.digests(brings).items()))
    monkeypatch.setattr(jars, "LOCK", lock)
    return brings


def _put(folder: Path, content: dict[str, bytes]) -> None:
    for name, said in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(said)


def _calls(tmp_path: Path) -> int:
    called = tmp_path / "called"
    return len(called.read_text().splitlines()) if called.exists() else 0


@pytest.mark.usefixtures("maven")
def test_what_the_lock_names_is_brought_once(tmp_path: Path) -> None:
    folder = jars.fetched(tmp_path / "jars", "zookeeper")
    assert {name: (folder / name).read_bytes() for name in GOOD} == GOOD
    assert jars.complete(tmp_path / "jars", "zookeeper")
    jars.fetched(tmp_path / "jars", "zookeeper")
    assert _calls(tmp_path) == 1


@pytest.mark.parametrize(
    ("brought", "said"),
    [
        pytest.param({"a.jar": b"another"}, "a.jar has SHA-256", id="another-content"),
        pytest.param({"c.jar": b"three"}, "c.jar is not in the lock", id="one-more"),
    ],
)
def test_other_jars_are_refused(maven: Path, tmp_path: Path, brought: dict[str, bytes], said: str) -> None:
    _put(maven, brought)
    with pytest.raises(StackProblem, match=said):
        jars.fetched(tmp_path / "jars", "zookeeper")
    assert not (tmp_path / "jars" / "zookeeper").exists()


def test_a_missing_jar_is_refused(maven: Path, tmp_path: Path) -> None:
    (maven / "a.jar").unlink()
    with pytest.raises(StackProblem, match=r"a\.jar is missing"):
        jars.fetched(tmp_path / "jars", "zookeeper")


@pytest.mark.usefixtures("maven")
@pytest.mark.parametrize(
    ("there", "calls"),
    [pytest.param(GOOD, 0, id="fits"), pytest.param({**GOOD, "a.jar": b"old"}, 1, id="does-not-fit")],
)
def test_a_folder_that_another_filled_is_used_where_its_files_fit(
    tmp_path: Path, there: dict[str, bytes], calls: int
) -> None:
    _put(tmp_path / "jars" / "zookeeper", there)
    folder = jars.fetched(tmp_path / "jars", "zookeeper")
    assert _calls(tmp_path) == calls
    assert {name: (folder / name).read_bytes() for name in GOOD} == GOOD


def test_the_lock_is_written_anew_from_what_maven_brings(maven: Path, tmp_path: Path) -> None:
    _put(maven, {"c.jar": b"three"})
    jars.write_lock()
    assert set(jars.locked("zookeeper")) == {*GOOD, "c.jar"}
    assert set(jars.locked("kafka")) == {*GOOD, "c.jar"}
    jars.fetched(tmp_path / "jars", "kafka")


def _archive(path: Path, name: str, content: bytes) -> Path:
    with tarfile.open(path, "w:gz") as made:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        made.addfile(member, io.BytesIO(content))
    return path


def test_an_archive_is_unpacked_with_its_folders(tmp_path: Path) -> None:
    jars.unpack(_archive(tmp_path / "a.tar.gz", "lib/inner/a.jar", b"jar"), tmp_path / "jars")
    assert (tmp_path / "jars" / "lib" / "inner" / "a.jar").read_bytes() == b"jar"


@pytest.mark.parametrize("name", ["../a.jar", "/a.jar", "lib/../../a.jar"])
def test_an_archive_cannot_write_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(StackProblem, match="outside"):
        jars.unpack(_archive(tmp_path / "a.tar.gz", name, b"jar"), tmp_path / "jars")
    assert not (tmp_path / "a.jar").exists()
