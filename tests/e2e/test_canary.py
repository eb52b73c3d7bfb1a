"""Nothing secret is written: planted secrets are looked for in everything that a secured run has left behind."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from click.testing import CliRunner
from redis import Redis

from streams.cli import main
from streams.pipeline import CHANGELOGS, STAGES, Topic
from streams.playground.services import Stack
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.replay import replay
from streams.runtime.kafka.topic_names import changelog_name, topic_name
from streams.runtime.settings.loading import Settings, load

ROOT: Final = Path(__file__).parents[2]
START_S: Final = 300
POLL_S: Final = 0.5
#: where secrets are kept, by intent: who is let in, keys, Redis' own file, and the configuration of the tried devices
VAULTS: Final = ("stack/data/users.json", "stack/data/redis.acl", "stack/data/registry-users.json", "stack/data/tls/",
                 "stack/data/redis/", "snmpd/")  # fmt: skip
#: names that are communities of the simulated sites as well, too common to be looked for
COMMON: Final = ("public", "this-machine")

pytestmark = [
    pytest.mark.stack,
    pytest.mark.usefixtures("collected"),
    pytest.mark.timeout(START_S + 240),
    # kazoo forgets to close the socket of a connection that was under way when its session ended
    pytest.mark.filterwarnings("ignore:Exception ignored in. <.*[sS]ocket:pytest.PytestUnraisableExceptionWarning"),
    # a command that ends in a fault ends its event loop at once
    pytest.mark.filterwarnings("ignore:Exception ignored in. <.*Transport:pytest.PytestUnraisableExceptionWarning"),
]


class Ran(NamedTuple):
    state: Path
    said: str  #: what the demo has printed
    stack: Stack
    settings: Settings  #: the operator's
    secrets: Mapping[str, bytes]  #: whose -> what


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """A secured demo in which every stage has worked."""
    folder = tmp_path_factory.mktemp("canary")
    state, said = folder / "demo", folder / "said"
    command = [sys.executable, "-c", "from streams.cli import main; main()", "demo", "--secure", "--state", str(state)]
    command += ["--jars", str(ROOT / ".state" / "jars"), "--devices", "12", "--interval", "5"]
    with (
        said.open("w") as out,
        subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, text=True) as process,  # noqa: S603
    ):
        try:
            until(said, lambda: process.poll() is not None or "all started" in said.read_text())
            assert process.poll() is None, said.read_text()
            stack = Stack(state / "stack")
            settings = load(state / "panoptes.ini", stack.environment())
            until(said, lambda: records(settings, Topic.GAUGES))
            yield Ran(state, said.read_text(), stack, settings, planted(stack))
        finally:
            process.terminate()
            process.wait(120)


def until(said: Path, done: Callable[[], object]) -> None:
    deadline = time.monotonic() + START_S
    while not done():
        assert time.monotonic() < deadline, said.read_text()
        time.sleep(POLL_S)


def planted(stack: Stack) -> dict[str, bytes]:
    """Return every password, private key and community."""
    found = {f"password of {who}": word.encode() for who, word in users(stack).items()}
    for key in (stack.data / "tls").glob("*.key"):
        found[f"key of {key.stem}"] = key.read_bytes().splitlines()[1]
    with Redis.from_url(stack.environment()["PANOPTES_REDIS_URL"]) as client:
        for name in client.scan_iter("panoptes:secrets:snmp_community_string:*"):
            word = client.get(name)
            if word.decode() not in COMMON:
                found[name.decode()] = word
    assert len(found) > 15
    return found


def users(stack: Stack) -> dict[str, str]:
    return json.loads((stack.data / "users.json").read_text())


def records(settings: Settings, topic: Topic | str) -> list[bytes]:
    """Return keys, values and headers of a topic, as they are, unpacked."""
    name = topic_name(settings, topic) if isinstance(topic, Topic) else topic

    async def read() -> list[bytes]:
        found = replay(client_options(settings.kafka), name)
        return [b"\n".join([r.key or b"", r.value or b"", repr(r.headers).encode()]) async for r in found]

    return asyncio.run(read())


def leaks(secrets: Mapping[str, bytes], written: Iterable[tuple[str, bytes]]) -> list[str]:
    return [f"{whose} in {where}" for where, text in written for whose, word in secrets.items() if word in text]


def test_what_is_looked_for_would_be_found(ran: Ran) -> None:
    vaults = [(name, (ran.state / name).read_bytes()) for name in VAULTS if (ran.state / name).is_file()]
    found = leaks(ran.secrets, vaults)
    assert len(found) >= 2 * len(users(ran.stack))


def test_no_file_but_the_vaults_has_a_secret(ran: Ran) -> None:
    files = [
        (str(path.relative_to(ran.state)), path.read_bytes()) for path in sorted(ran.state.rglob("*")) if path.is_file()
    ]
    outside = [(name, text) for name, text in files if not name.startswith(VAULTS)]
    assert {"logs/polling.log", "stack/logs/kafka.log", "stack/logs/zookeeper.log"} <= {name for name, _ in outside}
    assert leaks(ran.secrets, [*outside, ("what the demo printed", ran.said.encode())]) == []


def test_no_topic_has_a_secret(ran: Ran) -> None:
    names = [topic_name(ran.settings, topic) for topic in Topic]
    names += [changelog_name(ran.settings, log.stage, log.table) for log in CHANGELOGS.values()]
    texts = [(name, b"\n".join(records(ran.settings, name))) for name in names]
    assert sum(bool(text) for _, text in texts) > 10
    assert leaks(ran.secrets, texts) == []


def test_no_argument_has_a_secret(ran: Ran) -> None:
    lines = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if str(ran.state).encode() in arguments + environment and int(folder.name) != os.getpid():
            lines.append((arguments.replace(b"\0", b" ").decode(errors="replace"), arguments))
    assert len(lines) > len(STAGES)
    assert leaks(ran.secrets, lines) == []


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("config", "show"), id="config-show"),
        pytest.param(("config", "check"), id="config-check"),
        pytest.param(("doctor", "--timeout", "20"), id="doctor"),
        pytest.param(("acls", "print", "--for", "redis"), id="acls"),
        pytest.param(("topics", "check"), id="topics"),
    ],
)
@pytest.mark.parametrize("broken", [False, True], ids=["well", "with-wrong-settings"])
def test_no_command_prints_a_secret(ran: Ran, command: tuple[str, ...], broken: bool) -> None:
    environ = {**ran.stack.environment(), "PANOPTES_CONFIG": str(ran.state / "panoptes.ini")}
    if broken:  # a fault beside, or in, what is secret is named without it
        word = environ["PANOPTES_KAFKA_SASL_PASSWORD"]
        environ |= {
            "PANOPTES_REDIS_URL": f"redis:/{word}",
            "PANOPTES_REGISTRY_URL": f"https://u:{word}@h",
            "PANOPTES_KAFKA_PARTITIONS": "none",
        }
    said = CliRunner().invoke(main, command, env=environ)
    assert said.output
    assert leaks(ran.secrets, [(" ".join(command), said.output.encode())]) == []
