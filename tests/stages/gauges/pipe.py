"""A gauges stage to itself on the real stack: its topics, its workers as processes, what goes in and comes out."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition

from schemas.records import Gauge, RawCounters
from streams.pipeline import Topic
from streams.runtime.kafka.topics import ensure_topics, topic_name
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import Settings, load

ROOT: Final = Path(__file__).parents[3]
PARTITIONS: Final = 4


class Out(NamedTuple):
    """One gauge as it stands in the topic."""

    partition: int
    key: bytes
    value: bytes


class Pipe:
    """Everything that one gauges stage has to itself. A context manager: its workers go with it."""

    def __init__(
        self, bootstrap: str, prefix: str, state: Path, *, settings: Mapping[str, str] | None = None, ini: str = ""
    ) -> None:
        """`settings` are further environment variables, `ini` the text of the configuration file."""
        self.state: Final = state
        state.mkdir(parents=True, exist_ok=True)
        config = state / "panoptes.ini"
        config.write_text(ini)
        self.env: Final = {
            "PANOPTES_CONFIG": str(config),
            "PANOPTES_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "PANOPTES_KAFKA_PARTITIONS": str(PARTITIONS),
            "PANOPTES_PANOPTES_TOPIC_PREFIX": prefix,
            "PANOPTES_PANOPTES_STATE_DIR": str(state),
            "PANOPTES_WEB_BASE_PORT": "0",
            **(settings or {}),
        }
        self.bootstrap: Final = bootstrap
        self.settings: Final[Settings] = load(None, self.env)
        self.raw_topic: Final = topic_name(self.settings, Topic.RAW_COUNTERS)
        self.gauge_topic: Final = topic_name(self.settings, Topic.GAUGES)
        self.dead_topic: Final = topic_name(self.settings, Topic.DEAD_LETTERS)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.raw_header = b""
        self.gauge_header = b""
        self._logs = 0

    def __enter__(self) -> Self:
        asyncio.run(self._prepare())
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait()

    async def _prepare(self) -> None:
        await ensure_topics(self.settings)
        serdes = Serdes(self.settings, open_registry(self.settings))
        raw = serdes.of(Topic.RAW_COUNTERS, RawCounters)
        gauge = serdes.of(Topic.GAUGES, Gauge)
        await serdes.register()
        self.raw_header, self.gauge_header = raw.header, gauge.header

    def put(self, messages: Iterable[tuple[bytes, bytes | None]], *, topic: str | None = None) -> int:
        """Store records in the raw topic, partitioned as every Kafka client does it; return how many."""
        producer = Producer(
            {"bootstrap.servers": self.bootstrap, "partitioner": "murmur2_random", "linger.ms": 20,
             "queue.buffering.max.kbytes": 256 * 1024, "compression.type": "lz4"}
        )  # fmt: skip
        count = 0
        for key, value in messages:
            while True:
                try:
                    producer.produce(topic or self.raw_topic, key=key, value=value)
                    break
                except BufferError:
                    producer.poll(0.05)
            producer.poll(0)
            count += 1
        left = producer.flush(60)
        if left:
            raise RuntimeError(f"{left} records were not stored")
        return count

    def put_into(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        """Store one record in a partition of any topic."""
        producer = Producer({"bootstrap.servers": self.bootstrap})
        producer.produce(topic, key=key, value=value, partition=partition)
        producer.flush(60)

    def start(self) -> subprocess.Popen[bytes]:
        """Start a worker as a process; its log is `worker-N.log` in the state folder."""
        self._logs += 1
        with (self.state / f"worker-{self._logs}.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "faust", "-A", "streams.gauges", "worker", "--loglevel=info"],
                cwd=ROOT,
                env={**os.environ, **self.env, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.workers.append(worker)
        return worker

    def log(self) -> str:
        """Return the end of the last worker's log."""
        return (self.state / f"worker-{self._logs}.log").read_text()[-4000:]

    def ends(self, topic: str) -> dict[int, int]:
        """Return where each partition of a topic ends."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "ends"})
        try:
            return {partition: _end(consumer, TopicPartition(topic, partition)) for partition in range(PARTITIONS)}
        finally:
            consumer.close()

    def count(self, topic: str) -> int:
        return sum(self.ends(topic).values())

    def all_of(self, topic: str) -> list[Out]:
        """Return every record of a topic, partition by partition."""
        ends = self.ends(topic)
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "all", "enable.auto.commit": False,
                             "fetch.message.max.bytes": 8 * 2**20})  # fmt: skip
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in ends])
        found: dict[int, list[Out]] = {partition: [] for partition in ends}
        left = {partition for partition, end in ends.items() if end}
        try:
            while left:
                for message in consumer.consume(5000, timeout=5):
                    if message.error() is not None:
                        raise RuntimeError(str(message.error()))
                    partition, offset = message.partition(), message.offset()
                    found[partition].append(Out(partition, message.key() or b"", message.value() or b""))
                    if offset + 1 >= ends[partition]:
                        left.discard(partition)
        finally:
            consumer.close()
        return [out for partition in sorted(found) for out in found[partition]]

    def lag(self) -> int:
        """Return how many raw records are not committed by the stage."""
        consumer = Consumer(
            {"bootstrap.servers": self.bootstrap, "group.id": f"{self.env['PANOPTES_PANOPTES_TOPIC_PREFIX']}-gauges"}
        )
        try:
            ends = self.ends(self.raw_topic)
            committed = consumer.committed(
                [TopicPartition(self.raw_topic, partition) for partition in ends], timeout=10
            )
            return sum(ends[one.partition] - max(one.offset, 0) for one in committed)
        except KafkaException:  # the broker has just come back, and nobody coordinates the group yet
            return sys.maxsize
        finally:
            consumer.close()

    def wait(self, until: Callable[[], bool], what: str, within_s: float = 60) -> float:
        """Return how long it took until something held. Raises TimeoutError with the worker's log."""
        began = time.monotonic()
        while not until():
            if time.monotonic() - began > within_s:
                raise TimeoutError(f"{what}: not within {within_s} s\n{self.log()}")
            time.sleep(0.1)
        return time.monotonic() - began


def _end(consumer: Consumer, place: TopicPartition) -> int:
    """Return where a partition ends, asking again while its leader is being found."""
    for _ in range(40):
        try:
            return int(consumer.get_watermark_offsets(place, timeout=10)[1])
        except KafkaException:
            time.sleep(0.25)
    raise TimeoutError(f"{place} has no leader")


def kill(worker: subprocess.Popen[bytes]) -> None:
    """Kill a worker as a crash would: no commit, no farewell."""
    worker.send_signal(signal.SIGKILL)
    worker.wait()


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used so far, all threads, user and system (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process, MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024
