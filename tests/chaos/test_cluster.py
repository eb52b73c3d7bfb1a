"""A cluster loses any one of its brokers, ZooKeepers, Redis servers or workers, and no slot with it."""

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streams.playground.services import Stack, StackKind
from streams.playground.services.keeper import kept
from tests.chaos.conftest import LONG
from tests.chaos.follower import contradictions
from tests.chaos.lateness import GAUGES, STATUSES, Lateness
from tests.chaos.pipeline import INTERVAL_S, SETTINGS, Pipeline, stopped_at_the_end

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]
long_form = pytest.mark.skipif(not LONG, reason="make chaos runs it")

BROKERS: Final = ("kafka-1", "kafka-2", "kafka-3")
SERVERS: Final = (*BROKERS, "zookeeper-1", "zookeeper-2", "zookeeper-3", "redis", "redis-replica")
#: how long a broker is silent before its partitions go to others, in kafka.properties
BROKER_SESSION_S: Final = 6
AWAY_S: Final = 60
TAKEOVER_S: Final = 15
LATE_S: Final = 2
#: ticks are there before their slots for longer than a broker's session, as by default
AHEAD: Final = SETTINGS.replace("publish_ahead_s = 5", "publish_ahead_s = 10")

Survives = Callable[[str, Callable[[Pipeline], None]], dict[str, Any]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, jars: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("cluster"), free_ports=True, jars=jars, kind=StackKind.CLUSTER)
    with kept(stack):
        stack.up((*SERVERS, "apicurio"), timeout_s=180)
        yield stack


@pytest.fixture(scope="module")
def pipeline(cluster: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with stopped_at_the_end(Pipeline(cluster, tmp_path_factory.mktemp("chaos"), settings=AHEAD)) as running:
        try:
            running.start(polling_workers=2, others=2 if LONG else 1)
            in_sync(cluster)
            yield running
        finally:
            for name in SERVERS:
                cluster.service(name).resume()
                cluster.service(name).start()


@pytest.fixture(scope="module")
def lateness(pipeline: Pipeline) -> Iterator[Lateness]:
    with Lateness(pipeline.reader(STATUSES, GAUGES)) as watched:
        yield watched


@pytest.fixture
def survives(pipeline: Pipeline, lateness: Lateness, tell: Callable[[str], None]) -> Survives:
    """Return a function that breaks something, waits until all is well again, and accounts for every slot."""

    def run(scenario: str, fault: Callable[[Pipeline], None]) -> dict[str, Any]:
        since_s = time.time()
        fault(pipeline)
        until_s = pipeline.recovered()
        found = pipeline.audit(since_s, until_s)
        right, wrong = pipeline.judge_gauges(until_s)
        late = {topic: lateness.quantile_s(topic, since_s, until_s, 1.0) for topic in (STATUSES, GAUGES)}
        missed, twice = found["final"].get("MISSED", 0), len(found["polled_twice"])
        tell(
            f"| {scenario} | {found['expected']} | {missed} | {found['missing_slots']} | {twice} |"
            f" {found['longest_unpolled_s']} | {found['lateness_ms']['p99'] / 1000:.1f} |"
            f" {late[STATUSES]:.1f} | {late[GAUGES]:.1f} | {right} | {len(wrong)} |"
        )
        assert found["expected"] > 0
        assert found["missing"] == [], json.dumps(found, indent=1)
        assert contradictions(pipeline.follower.statuses, INTERVAL_S, pipeline.died_s) == []
        assert wrong == []
        assert right > 0
        return {**found, "late_s": late}

    return run


def in_sync(stack: Stack, within_s: float = 90) -> None:
    """Wait until every partition has all of its copies."""
    client = AdminClient({"bootstrap.servers": stack.environment()["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"], "log_level": 0})
    deadline = time.monotonic() + within_s
    while (behind := _behind(client)) != []:
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: copies of {behind[:5]}"
        time.sleep(0.5)


def _behind(client: AdminClient) -> list[str]:
    try:
        topics = client.list_topics(timeout=10).topics.values()
    except KafkaException as problem:
        return [str(problem)]
    partitions = [(topic.topic, each) for topic in topics for each in topic.partitions.values()]
    return [f"{topic} {each.id}" for topic, each in partitions if len(each.isrs) < len(BROKERS)] or (
        [] if partitions else ["no topic is known"]
    )


def hold(found: dict[str, Any], *, of_broker: bool = False) -> None:
    """Hold a long run to the figures."""
    assert found["longest_unpolled_s"] <= TAKEOVER_S
    if of_broker:
        assert found["lateness_ms"]["p99"] <= LATE_S * 1000
        assert max(found["late_s"].values()) <= BROKER_SESSION_S + LATE_S


def test_a_broker_is_killed(pipeline: Pipeline, cluster: Stack, survives: Survives) -> None:
    def fault(_: Pipeline) -> None:
        cluster.service("kafka-1").kill()
        pipeline.recovered()
        cluster.service("kafka-1").start()
        in_sync(cluster)

    survives("kafka-1 killed, until all polled again", fault)


@long_form
def test_undisturbed(survives: Survives) -> None:
    found = survives("undisturbed", lambda _: time.sleep(AWAY_S))
    assert "MISSED" not in found["final"]
    hold(found, of_broker=True)


@long_form
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_killed(name: str, cluster: Stack, survives: Survives) -> None:
    def fault(pipeline: Pipeline) -> None:
        cluster.service(name).kill()
        time.sleep(2 * BROKER_SESSION_S)
        pipeline.recovered()
        cluster.service(name).start()
        in_sync(cluster)

    hold(survives(f"{name} killed", fault), of_broker=name in BROKERS)


@long_form
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_cut_off_for_a_minute(name: str, cluster: Stack, survives: Survives) -> None:
    def fault(_: Pipeline) -> None:
        cluster.service(name).pause()
        time.sleep(AWAY_S)
        cluster.service(name).resume()
        in_sync(cluster)

    hold(survives(f"{name} cut off", fault))


@long_form
def test_a_worker_of_each_stage_is_killed(survives: Survives) -> None:
    def fault(pipeline: Pipeline) -> None:
        for workers in pipeline.workers.values():
            pipeline.kill(workers[0])
        pipeline.recovered()
        for stage in pipeline.workers:
            pipeline.ready(pipeline.add_worker(stage))

    hold(survives("a worker of each stage killed", fault))


@long_form
def test_a_worker_of_each_stage_is_cut_off_for_a_minute(survives: Survives) -> None:
    def fault(pipeline: Pipeline) -> None:
        asleep = [workers[0] for workers in pipeline.workers.values()]
        for worker in asleep:
            pipeline.freeze(worker)
        time.sleep(AWAY_S)
        for worker in asleep:
            pipeline.thaw(worker)

    hold(survives("a worker of each stage cut off", fault))


@long_form
def test_all_brokers_are_restarted_one_after_the_other(cluster: Stack, survives: Survives) -> None:
    def fault(_: Pipeline) -> None:
        for name in BROKERS:
            cluster.service(name).restart()
            in_sync(cluster)

    hold(survives("rolling restart of the brokers", fault), of_broker=True)


@pytest.fixture
def small_disk(pipeline: Pipeline, cluster: Stack, tmp_path: Path) -> Iterator[Path]:
    """A file system of its own for the last broker's log, half of which is free; moved there and back."""
    broker, folder = cluster.service(BROKERS[-1]), tmp_path / "disk"
    log = broker.place.data / "log"
    folder.mkdir()
    broker.stop()
    size = 2 * sum(path.stat().st_size for path in log.rglob("*") if path.is_file())
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if mounted.returncode != 0:
        broker.start()
        pytest.skip(f"needs a file system of its own: {mounted.stderr.strip()}")
    try:
        shutil.copytree(log, folder / "log")
        log.rename(log.with_name("log.before"))
        log.symlink_to(folder / "log")
        broker.start()
        in_sync(cluster)
        yield folder
        broker.stop()
        log.unlink()
        shutil.copytree(folder / "log", log)
        broker.start()
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S603, S607


@long_form
def test_a_brokers_disk_is_full(small_disk: Path, cluster: Stack, survives: Survives) -> None:
    broker = cluster.service(BROKERS[-1])

    def fault(pipeline: Pipeline) -> None:
        filler = small_disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(2**16))
        pipeline.follower.until("the broker has ended", lambda: broker.pid is None, 120)
        assert any("No space left on device" in line for line in broker.last_lines(5000))
        pipeline.recovered()
        filler.unlink()
        broker.start()
        in_sync(cluster)

    hold(survives(f"{broker.name}'s disk full", fault))
