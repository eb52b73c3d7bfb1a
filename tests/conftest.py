"""What all tests share: the local services, and the refusal of blocking calls in the event loop."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import hypothesis
import pytest
from blockbuster import blockbuster_ctx

from streams.playground.services import Stack
from streams.playground.services.keeper import kept

ROOT: Final = Path(__file__).parent.parent
OURS: Final = ["streams", "pollers", "schemas"]
#: where the set-up has put them
JARS: Final = Path(os.environ.get("PANOPTES_STACK_STATE", ROOT / ".state")) / "jars"
LAB: Final = Path("tests/lab")
#: what is compiled, and what that takes
SOURCES: Final = ("streams", "pollers", "schemas", "tests", "setup.py", "pyproject.toml")
#: what reads files when a worker starts, before there is anything to hold up, and a certificate's time at a connection
MAY_BLOCK: Final = {
    "streams/runtime/settings/tls.py": {"renew"},
    "pollers/profiles/loading/watch.py": {"__init__"},
    "streams/runtime/secrets/key_ring.py": {"__init__"},
}

#: how fast examples come is the machine's doing; CI tries the same ones each time, everybody else new ones
hypothesis.settings.register_profile(
    "panoptes",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize=os.environ.get("CI", "").lower() in {"1", "true", "yes"},
)
hypothesis.settings.load_profile("panoptes")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stack", metavar="STATE", help="use the stack of that folder, up already, instead of a fresh one"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that needs the services, so that `-m "not stack"` runs without them.

    And what has to stay in one process where tests run in several (`-n 2 --dist loadgroup`): a file's tests share what
    is costly to start, all tests of the lab share the lab.
    """
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker("stack")
        file = item.path.relative_to(ROOT)
        item.add_marker(pytest.mark.xdist_group("lab" if LAB in file.parents else str(file)))


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


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with its modules compiled, as `make compile` does it, but for the optimizations."""
    compiler, headers = sysconfig.get_config_var("CC").split()[0], Path(sysconfig.get_path("include"))
    if shutil.which(compiler) is None or not (headers / "Python.h").exists():
        pytest.skip("needs a C compiler and the headers of Python")
    copy = tmp_path_factory.mktemp("compiled")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace", "--parallel", "2"]
    environment = {**os.environ, "PANOPTES_COMPILE": "0"}
    made = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert made.returncode == 0, (made.stdout + made.stderr)[-4000:]
    return copy


@pytest.fixture(autouse=True, scope="module")
def no_blocking_calls_in_the_event_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail where our own code blocks a running event loop; benchmarks go without, for they count every cycle."""
    if (ROOT / "tests" / "bench") in request.path.parents:
        yield
        return
    with blockbuster_ctx(scanned_modules=OURS, excluded_modules=["streams.cli", "streams.playground"]) as guard:
        for call in guard.functions.values():
            for file, functions in MAY_BLOCK.items():
                call.can_block_in(file, functions)
        yield
