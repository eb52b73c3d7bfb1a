"""A secured stack for the tests of this folder: TLS, users, and rights from the map."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.playground.services import Kind, Stack
from streams.playground.services.keeper import kept

#: clients whose connection is refused leave its socket, or asyncio's transport, to the garbage collector
LEFT_OPEN = "ignore:Exception ignored in. <.*([sS]ocket|Transport):pytest.PytestUnraisableExceptionWarning"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of this folder pass over what refused clients leave open."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(LEFT_OPEN))


@pytest.fixture(autouse=True)
def each_collected(collected: None) -> None:
    """Collect what refused clients leave open after each test of this folder."""


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory, jars: Path) -> Iterator[Stack]:
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server with TLS")
    with kept(Stack(tmp_path_factory.mktemp("secured"), free_ports=True, jars=jars, kind=Kind.SECURED)) as stack:
        stack.up(("kafka", "redis"), timeout_s=240)
        yield stack
