"""A secured stack for the tests of this folder: TLS, users, and rights from the map."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.playground.services import Stack
from streams.playground.services.keeper import kept


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory, jars: Path) -> Iterator[Stack]:
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server with TLS")
    with kept(Stack(tmp_path_factory.mktemp("secured"), free_ports=True, jars=jars, secured=True)) as stack:
        stack.up(("kafka", "redis"))
        yield stack
