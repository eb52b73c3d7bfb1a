"""A stack that is a cluster: what clients are given, and that its parts know one another."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from kazoo.client import KazooClient

from streams.cli import main
from streams.playground.services import Stack, StackKind, StackProblem
from streams.runtime.settings.loading import load
from streams.runtime.settings.sections import urls

ZOOKEEPERS = ("zookeeper-1", "zookeeper-2", "zookeeper-3")


@pytest.fixture
def cluster(tmp_path: Path, jars: Path) -> Iterator[Stack]:
    """A cluster of which each test starts what it needs."""
    stack = Stack(tmp_path / "state", free_ports=True, jars=jars, kind=StackKind.CLUSTER)
    yield stack
    stack.down()


def test_the_pipeline_is_given_every_server_and_three_copies(cluster: Stack) -> None:
    settings = load(None, cluster.environment())
    ports = {name: f"127.0.0.1:{cluster.service(name).port}" for name in ("kafka-1", "kafka-2", "kafka-3", *ZOOKEEPERS)}
    assert settings.kafka.bootstrap_servers.split(",") == [ports[f"kafka-{node}"] for node in (1, 2, 3)]
    assert settings.zookeeper.hosts.split(",") == [ports[name] for name in ZOOKEEPERS]
    assert (settings.kafka.replication_factor, settings.kafka.min_insync_replicas) == (3, 2)
    assert settings.redis.url.reveal() == cluster.service("redis").address
    assert [url.reveal() for url in urls(settings.redis.replica_urls)] == [cluster.service("redis-replica").address]


def test_a_folder_stays_what_it_was_at_its_first_start(cluster: Stack, tmp_path: Path) -> None:
    cluster.up(["redis"])
    assert Stack(cluster.state).kind is StackKind.CLUSTER
    with pytest.raises(StackProblem, match=r"three brokers.*take another folder"):
        Stack(cluster.state, kind=StackKind.SECURED)
    said = CliRunner().invoke(main, ["stack", "up", "--state", str(tmp_path), "--secure", "--cluster"])
    assert said.exit_code == 2
    assert "no stack that is both" in said.output


@pytest.mark.timeout(180)
def test_zookeepers_agree_without_the_first(cluster: Stack) -> None:
    cluster.up(ZOOKEEPERS)
    cluster.service("zookeeper-1").kill()
    client = KazooClient(",".join(cluster.service(name).address for name in ZOOKEEPERS))
    client.start(timeout=60)
    try:
        client.create("/stays", b"here")
        cluster.service("zookeeper-1").start()
        assert client.get("/stays")[0] == b"here"
    finally:
        client.stop()
        client.close()
