"""Labs for the tests that need one: up once for all of them, gone with the run, also with one that is killed."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.lab import Lab, read_spec
from tests.lab.needs import why_not
from tests.lab.session import lab_up
from tests.lab.testbed import system
from tests.lab.testbed.place import Place


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that needs a lab, so that `-m "not lab"` runs without one."""
    for item in items:
        if {"lab", "odd_lab", "free_place"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("lab")


@pytest.fixture(scope="package")
def _possible() -> None:
    """Skip where no lab can be built; fail where one has to be."""
    require(why_not(), ci=os.environ.get("CI") == "true")


def require(problem: str | None, *, ci: bool) -> None:
    """Return where there is no problem. Raises pytest's Skipped, and its Failed in CI."""
    if problem is not None and ci:
        pytest.fail(f"CI=true, and {problem}")
    if problem is not None:
        pytest.skip(problem)


def place(kind: str) -> Place:
    """Return a place that no other run has."""
    return Place.named(f"{kind}{os.getpid()}")


@pytest.fixture(scope="package")
def lab(_possible: None) -> Iterator[Lab]:
    """The leaf-spine of 8 nodes, agents' counters at most a second old. Tests put back what they change."""
    with lab_up(place("t"), read_spec("leaf-spine"), cache_s=1, say=_say) as up:
        yield up


@pytest.fixture(scope="package")
def odd_lab(lab: Lab) -> Iterator[Lab]:
    """Few nodes with an agent of every kind, beside the other lab."""
    with lab_up(place("o"), read_spec("odd"), say=_say) as up:
        yield up


@pytest.fixture
def free_place(_possible: None) -> Iterator[Place]:
    """A place for a lab that the test brings up and down by itself."""
    free = place("f")
    yield free
    assert left(free) == []


def left(free: Place) -> list[str]:
    """Return what is left of a lab: namespaces, processes that know of its folder, files."""
    found = system.namespaces(free.prefix)
    found += [str(path) for path in (free.folder, free.lock) if path.exists()]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            said = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if str(free.folder).encode() in said or (f"\0{free.name}\0").encode() in said:
            found.append(said.replace(b"\0", b" ").decode(errors="replace"))
    return found


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
