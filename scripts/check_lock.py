"""Check, without a network, that requirements.lock is in step with pyproject.toml and with what is installed.

The lock must pin exactly what pyproject.toml leads to, each pin must satisfy everybody who asks for it and have a hash,
and the virtual environment must hold the pinned versions. Exit 1 and a line per difference otherwise.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
#: installed with the interpreter, or there to make the lock; nothing asks for them
TOOLS = frozenset({"pip", "uv", "panoptes-streams"})


def wanted() -> list[Requirement]:
    """Return what pyproject.toml asks for, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for lines in project["optional-dependencies"].values() for line in lines)]
    return [Requirement(line) for line in lines]


def pins() -> tuple[dict[str, str], list[str]]:
    """Return version by name for the pins that hold on this machine, and complaints about the file itself."""
    found: dict[str, str] = {}
    problems: list[str] = []
    text = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        requirement = Requirement(re.sub(r"\s--hash=\S+", "", line).strip())
        if "--hash=" not in line:
            problems.append(f"{requirement.name} has no hash")
        if requirement.marker is None or requirement.marker.evaluate():
            found[canonicalize_name(requirement.name)] = next(iter(requirement.specifier)).version
    return found, problems


def closure(first: list[Requirement], locked: dict[str, str]) -> Iterator[tuple[str, str | None]]:
    """Yield every name that the requirements lead to, each with a complaint or None."""
    queue = [(requirement, "pyproject.toml") for requirement in first]
    seen: set[tuple[str, frozenset[str]]] = set()
    while queue:
        requirement, asker = queue.pop()
        name = canonicalize_name(requirement.name)
        if name not in locked:
            yield name, f"{name} ({asker}) is not in the lock"
            continue
        fits = requirement.specifier.contains(locked[name], prereleases=True)
        yield name, None if fits else f"{name}=={locked[name]} does not satisfy {requirement} ({asker})"
        if (key := (name, frozenset(requirement.extras))) in seen:
            continue
        seen.add(key)
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            yield name, f"{name} is not installed"
            continue
        if installed.version != locked[name]:
            yield name, f"{name}: {installed.version} is installed, {locked[name]} is locked"
        queue += [(inner, name) for inner in _asked_by(installed, requirement.extras)]


def _asked_by(installed: metadata.Distribution, extras: set[str]) -> Iterator[Requirement]:
    for line in installed.requires or ():
        inner = Requirement(line)
        if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield inner


def main() -> int:
    """Print the differences and return the exit status."""
    locked, problems = pins()
    reached: set[str] = set()
    for name, problem in closure(wanted(), locked):
        reached.add(name)
        problems += [problem] if problem else []
    problems += [f"{name} is locked, but nothing asks for it" for name in sorted(set(locked) - reached - TOOLS)]
    for problem in sorted(set(problems)):
        print(problem)
    if problems:
        print("see CONTRIBUTING.md for how the lock is made")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
