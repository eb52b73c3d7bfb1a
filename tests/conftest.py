"""What all tests share: the local services, and the refusal of blocking calls in the event loop."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from blockbuster import blockbuster_ctx

from streams.cli.services import Stack
from streams.cli.services.keeper import kept

ROOT: Final = Path(__file__).parent.parent
OURS: Final = ["streams", "pollers", "schemas"]
#: where the set-up has put them
JARS: Final = Path(os.environ.get("PANOPTES_STACK_STATE", ROOT / ".state")) / "jars"
#: what reads files when a worker starts, before there is anything to hold up
MAY_BLOCK: Final = {"pollers/profiles/watch.py": {"__init__"}}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stack", metavar="STATE", help="use the stack of that folder, up already, instead of a fresh one"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that needs the services, so that `-m "not stack"` runs without them."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker("stack")


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka, ZooKeeper, Redis and the registry, for all tests of the run, on free ports and in a folder of their own.

    A test may stop or kill services as long as it starts them again; names that it gives to topics, nodes and keys are
    its own. The services go with the run, even with one that is killed.
    """
    given: str | None = request.config.getoption("--stack")
    if given is not None:
        yield Stack(Path(given))
        return
    state = tmp_path_factory.mktemp("stack")
    with kept(Stack(state, free_ports=True, jars=JARS)) as fresh:
        fresh.up()
        yield fresh


@pytest.fixture(scope="session")
def jars() -> Path:
    """The folder of the services' jars, for tests that start a stack of their own."""
    return JARS


@pytest.fixture(autouse=True, scope="module")
def no_blocking_calls_in_the_event_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail where our own code blocks a running event loop; benchmarks go without, for they count every cycle."""
    if (ROOT / "tests" / "bench") in request.path.parents:
        yield
        return
    with blockbuster_ctx(scanned_modules=OURS, excluded_modules=["streams.cli"]) as guard:
        for call in guard.functions.values():
            for file, functions in MAY_BLOCK.items():
                call.can_block_in(file, functions)
        yield
