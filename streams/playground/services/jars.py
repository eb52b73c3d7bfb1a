"""Fetches the services' jars with Maven, and verifies them against a lock of names and SHA-256.

Where a pom has changed, `make lock-jars` writes the lock anew from what Maven brings now.
"""

import fcntl
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from streams.playground.services import tools
from streams.playground.services.problems import StackProblem

POMS: Final = Path(__file__).parent / "poms"
#: lines as sha256sum writes them, seen from the folder of all jars: `sha256sum -c` reads it
LOCK: Final = Path(__file__).parent / "jars.lock"
STAMP: Final = ".lock-sha256"
MAVEN_TIMEOUT_S: Final = 600
SHOWN: Final = 5


def locked(name: str) -> dict[str, str]:
    """Return file -> SHA-256 for one service, relative to its folder."""
    lines = (line.split("  ", 1) for line in LOCK.read_text().splitlines())
    return {path.removeprefix(f"{name}/"): digest for digest, path in lines if path.startswith(f"{name}/")}


def complete(cache: Path, name: str) -> bool:
    """Return whether the service's folder is complete and verified against the present lock."""
    stamp = cache / name / STAMP
    return stamp.exists() and stamp.read_text() == _stamp(name)


def fetched(cache: Path, name: str) -> Path:
    """Return the folder with a service's jars; Maven fetches them when they are not there yet.

    A folder is filled beside, held to the lock, and moved into place, so that neither an interrupted download nor
    another jar is ever run. A folder without our stamp whose files are the locked ones is taken as it is.
    Raises StackProblem.
    """
    target = cache / name
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete(cache, name):
            if differences(locked(name), digests(target)):
                _replace(target, name)
            (target / STAMP).write_text(_stamp(name))
    return target


def digests(folder: Path) -> dict[str, str]:
    """Return file -> SHA-256 below the folder; files that begin with a dot are left out."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def differences(wanted: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Return a line for each file that is missing, unexpected, or has another SHA-256."""
    return [
        *(f"{path} is missing" for path in wanted if path not in found),
        *(f"{path} is not in the lock" for path in found if path not in wanted),
        *(
            f"{path} has SHA-256 {found[path]}, not {digest}"
            for path, digest in wanted.items()
            if found.get(path, digest) != digest
        ),
    ]


def write_lock() -> None:
    """Rewrite the lock from what Maven fetches for the present poms. Raises StackProblem."""
    lines = []
    for name in sorted(pom.stem for pom in POMS.glob("*.xml")):
        with tempfile.TemporaryDirectory(prefix="panoptes-jars-") as made:
            lines += [f"{digest}  {name}/{path}\n" for path, digest in digests(_bring(Path(made), name)).items()]
    LOCK.write_text("".join(lines))


def _stamp(name: str) -> str:
    return hashlib.sha256(repr(sorted(locked(name).items())).encode()).hexdigest()


def _replace(target: Path, name: str) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{name}-") as made:
        fresh = _bring(Path(made), name)
        wrong = differences(locked(name), digests(fresh))
        if wrong:
            more = f"\n  and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
            raise StackProblem(
                f"Maven brought other jars for {name} than {LOCK.name} names; none of them is used:\n  "
                + "\n  ".join(wrong[:SHOWN])
                + more
            )
        shutil.rmtree(target, ignore_errors=True)
        fresh.replace(target)


def _bring(made: Path, name: str) -> Path:
    fresh = made / "jars"
    fresh.mkdir()
    _maven(POMS / f"{name}.xml", fresh)
    for archive in fresh.glob("*.tar.gz"):
        unpack(archive, fresh)
        archive.unlink()
    return fresh


def unpack(archive: Path, into: Path) -> None:
    """Extract the plain files of a tar archive into a folder. Raises StackProblem for one that would land elsewhere.

    (`extractall(filter="data")` is not there before Python 3.11.4, and Debian 12 has 3.11.2.)
    """
    with tarfile.open(archive) as opened:
        for member in opened:
            target = (into / member.name).resolve()
            if not target.is_relative_to(into.resolve()):
                raise StackProblem(f"{archive.name}: {member.name} would be written outside of {into}")
            content = opened.extractfile(member) if member.isfile() else None
            if content is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                with content, target.open("wb") as out:
                    shutil.copyfileobj(content, out)


def _maven(pom: Path, into: Path) -> None:
    # A copy, since Maven may want to write beside the pom, and an installed package's folder is not ours to write.
    copied = shutil.copy(pom, into.parent / "pom.xml")
    done = subprocess.run(  # noqa: S603 (a fixed command, no shell)
        [tools.maven(), "-B", "-q", "-f", str(copied), "dependency:copy-dependencies", f"-DoutputDirectory={into}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=MAVEN_TIMEOUT_S,
    )
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise StackProblem(f"maven could not bring the jars of {pom.name} (exit {done.returncode}):\n{said}")
