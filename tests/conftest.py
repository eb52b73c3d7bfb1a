"""What all tests share: the local services, and the refusal of blocking calls in the event loop."""

import contextlib
import gc
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import hypothesis
import pytest
from blockbuster import blockbuster_ctx
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from streams.playground.services import Stack
from streams.playground.services.keeper import kept
from tests.examples import examples

ROOT: Final = Path(__file__).parent.parent
OURS: Final = ["streams", "pollers", "schemas"]
STATE: Final = Path(os.environ.get("PANOPTES_STACK_STATE", ROOT / ".state"))
#: where the set-up has put them
JARS: Final = STATE / "jars"
LAB: Final = "tests/lab/"
#: what is compiled, what that takes, and what the tests of the compiled read
SOURCES: Final = ("streams", "pollers", "schemas", "setup.py", "pyproject.toml", "tests", "docs")
#: what reads files when a worker starts, before there is anything to hold up, and a certificate's time at a connection
MAY_BLOCK: Final = {
    "streams/runtime/settings/tls.py": {"renew"},
    "pollers/profiles/loading/watch.py": {"__init__"},
    "streams/runtime/secrets/key_ring.py": {"__init__"},
}

#: how fast examples come is the machine's doing; CI tries the same ones each time, everybody else new ones
hypothesis.settings.register_profile(
    "panoptes",
    max_examples=examples(),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize=os.environ.get("CI", "").lower() in {"1", "true", "yes"},
)
hypothesis.settings.load_profile("panoptes")


@pytest.fixture
def collected() -> Iterator[None]:
    """Collect what a test left open while it is this test's: else a later one, anywhere, is blamed for it."""
    yield
    gc.collect()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stack", metavar="STATE", help="use the stack of that folder, up already, instead of a fresh one"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that needs the services, so that `-m "not stack"` runs without them."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker("stack")


class ByFile(LoadScopeScheduling):
    """Keeps in one process what shares what is costly to start: the tests of a file, and all tests of the lab."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return LAB if file.startswith(LAB) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile | None:
    """Return the order of `--dist loadgroup`: xdist's own marks by group get lost with pytest 9."""
    return ByFile(config, log) if config.getvalue("dist") == "loadgroup" else None


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
    """A copy of the sources with its modules compiled, as `make compile` does it, but for the optimizations.

    What the compiler made is kept under `.state` for the next who asks for it of the same sources: it takes a minute.
    """
    compiler, headers = sysconfig.get_config_var("CC").split()[0], Path(sysconfig.get_path("include"))
    if shutil.which(compiler) is None or not (headers / "Python.h").exists():
        pytest.skip("needs a C compiler and the headers of Python")
    copy = tmp_path_factory.mktemp("compiled")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    digest = hashlib.sha256(sys.version.encode())
    read_only = {copy / "tests", copy / "docs"}
    for path in sorted(path for path in copy.rglob("*") if path.is_file() and read_only.isdisjoint(path.parents)):
        digest.update(path.relative_to(copy).as_posix().encode() + b"\0" + path.read_bytes())
    kept_modules = STATE / "compiled" / digest.hexdigest()
    if kept_modules.is_dir():
        shutil.copytree(kept_modules, copy, dirs_exist_ok=True)
    else:
        _compile(copy, kept_modules)
    return copy


def _compile(copy: Path, kept_modules: Path) -> None:
    command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace", "--parallel", "2"]
    environment = {**os.environ, "PANOPTES_COMPILE": "0"}
    before = {path for path in copy.rglob("*") if path.is_file()}
    made = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert made.returncode == 0, (made.stdout + made.stderr)[-4000:]
    shutil.rmtree(kept_modules.parent, ignore_errors=True)  # of other sources
    kept_modules.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=kept_modules.parent))
    for path in copy.rglob("*"):
        if path.is_file() and path not in before and "build" not in path.relative_to(copy).parts:
            target = fresh / path.relative_to(copy)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
    with contextlib.suppress(OSError):  # another process was first
        fresh.rename(kept_modules)


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
