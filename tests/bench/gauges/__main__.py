"""`make bench-gauges`: the gauges stage against a Kafka Streams program, on the same topic, in turns.

Printed and written down: counters per CPU-second of the whole process, in windows of a steady state. The gauges of both
are compared too.
"""

import argparse
import io
import json
import os
import platform
import statistics
import struct
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import fastavro
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.codec import parsed_schema
from streams.pipeline import TOPICS, Topic
from streams.playground.services import Stack
from streams.playground.services.keeper import kept
from tests.bench.gauges.engines import Engine, KafkaStreams, Panoptes, build, cpu_s
from tests.bench.gauges.polls import Load, messages
from tests.stages.gauges.pipe import PARTITIONS, ROOT, Pipe, rss_mb

COMPARED: Final = 5_000  #: records of each partition


class Window(NamedTuple):
    """What one engine did in some seconds of its steady state."""

    engine: str
    round: int
    rows: int
    wall_s: float
    cpu_s: float
    rss_mb: float

    def per_cpu_s(self, counters: int) -> float:
        return self.rows * counters / self.cpu_s


def measure(pipe: Pipe, engine: Engine, args: argparse.Namespace, number: int) -> list[Window]:
    """Return the windows of one run of an engine, after its warm-up."""
    process = engine.start(args.state / f"{engine.name}-{number}.log")
    try:
        warm = args.warm_up * args.rows
        pipe.wait(lambda: pipe.count(engine.out_topic) > warm or process.poll() is not None, engine.name, 300)
        windows = []
        for _ in range(args.windows):
            rows, cpu, began = pipe.count(engine.out_topic), cpu_s(process.pid), time.monotonic()
            time.sleep(args.seconds)
            made = pipe.count(engine.out_topic) - rows
            windows.append(
                Window(engine.name, number, made, time.monotonic() - began, cpu_s(process.pid) - cpu,
                       rss_mb(process.pid))
            )  # fmt: skip
            print(f"  {windows[-1]} = {windows[-1].per_cpu_s(args.counters):,.0f} counters/CPU-s", flush=True)
        done = pipe.count(engine.out_topic)
        if done >= args.resources * args.slots * args.rows:
            raise RuntimeError(f"{engine.name} had nothing left to do: more --slots are needed")
        return windows
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def first_records(pipe: Pipe, topic: str) -> list[dict[tuple[str, str, int], dict[str, Any]]]:
    """Return the first gauges of each partition, by resource, row and slot."""
    schema = parsed_schema("gauge")
    found = []
    for partition in range(PARTITIONS):
        consumer = Consumer({"bootstrap.servers": pipe.bootstrap, "group.id": "compare", "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
        gauges: dict[tuple[str, str, int], dict[str, Any]] = {}
        for message in consumer.consume(COMPARED, timeout=30):
            gauge: Any = fastavro.schemaless_reader(io.BytesIO((message.value() or b"")[5:]), schema, None)
            gauges[gauge["resource"], gauge["row"], gauge["slot"]] = gauge
        consumer.close()
        found.append(gauges)
    return found


def compare(pipe: Pipe, engines: Sequence[Engine]) -> int:
    """Return how many gauges both engines gave, alike to the last bit. Raises RuntimeError where they differ."""
    one, other = (first_records(pipe, engine.out_topic) for engine in engines)
    alike = 0
    for ours, theirs in zip(one, other, strict=True):
        for identity in ours.keys() & theirs.keys():
            if ours[identity] != theirs[identity]:
                raise RuntimeError(f"{identity} differs:\n{ours[identity]}\n{theirs[identity]}")
            alike += 1
    if not alike:
        raise RuntimeError("the engines have no gauge in common")
    return alike


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gauges", description=__doc__)
    parser.add_argument("--resources", type=int, default=200)
    parser.add_argument("--slots", type=int, default=400)
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("--counters", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2, help="runs of each engine, in turns")
    parser.add_argument("--warm-up", type=int, default=20_000, help="polls before the first window")
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="of each window")
    parser.add_argument("--bare", action="store_true", help="counters only: no levels, states, offsets, stamps")
    parser.add_argument("--only", choices=["panoptes", "kafka-streams"])
    parser.add_argument("--state", type=Path, help="folder of a stack that is up, and of what this run leaves")
    parser.add_argument("--jars", type=Path, default=ROOT / ".state" / "jars")
    parser.add_argument("--out", type=Path, help="file for the figures, JSON")
    return parser.parse_args()


def engines_of(stack: Stack, raw: Pipe, state: Path, number: int) -> list[Engine]:
    """Return fresh engines: new groups and new topics for what they write."""
    bootstrap = raw.bootstrap
    name = f"{raw.env['PANOPTES_PANOPTES_TOPIC_PREFIX']}-ks{number}"
    spec = TOPICS[Topic.GAUGES]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    configs = {"compression.type": spec.compression, "max.message.bytes": str(spec.max_message_bytes)}
    for future in admin.create_topics([NewTopic(name, PARTITIONS, 1, config=configs)]).values():
        future.result()
    del stack
    return [Panoptes(raw), KafkaStreams(raw, state / "java", name, struct.unpack(">bI", raw.gauge_header)[1])]


def main() -> None:
    args = parsed()
    with ExitStack() as closing:
        if args.state is None:
            args.state = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="bench-gauges-")))
            stack = closing.enter_context(kept(Stack(args.state, free_ports=True, jars=args.jars)))
            stack.up(["kafka"])
        else:
            stack = Stack(args.state)
        build(args.state / "java")
        windows, alike = run(stack, args)
    report(args, windows, alike)


def run(stack: Stack, args: argparse.Namespace) -> tuple[list[Window], int]:
    """Return every window, and how many gauges were compared."""
    load = Load(args.resources, args.slots, args.rows, args.counters, full=not args.bare)
    bootstrap = stack.environment()["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"]
    windows: list[Window] = []
    alike = 0
    prefix = f"bench{int(time.time())}"
    with Pipe(bootstrap, prefix, args.state / prefix) as pipe:
        schema_id = struct.unpack(">bI", pipe.raw_header)[1]
        print(f"storing {load.resources * load.slots} polls", flush=True)
        pipe.put(messages(load, schema_id))
        for number in range(args.rounds):
            engines = engines_of(stack, pipe, args.state, number)
            for engine in engines:
                if args.only in (None, engine.name):
                    print(f"{engine.name}, round {number}", flush=True)
                    windows += measure(pipe, engine, args, number)
            if args.only is None and number == 0:
                alike = compare(pipe, engines)
            forget(pipe)
    return windows, alike


def forget(pipe: Pipe) -> None:
    """Let the next run of our engine begin at the beginning."""
    admin = AdminClient({"bootstrap.servers": pipe.bootstrap})
    prefix = pipe.env["PANOPTES_PANOPTES_TOPIC_PREFIX"]
    for future in admin.delete_consumer_groups([f"{prefix}-gauges"]).values():
        future.result()
    mine = [name for name in admin.list_topics(timeout=10).topics if name.startswith(f"{prefix}-gauges-")]
    for future in admin.delete_topics([pipe.gauge_topic, *mine]).values():
        future.result()
    time.sleep(2)


def report(args: argparse.Namespace, windows: Sequence[Window], alike: int) -> None:
    """Print the figures, and write them where `--out` says."""
    medians = {}
    for name in dict.fromkeys(window.engine for window in windows):
        rates = [window.per_cpu_s(args.counters) for window in windows if window.engine == name]
        medians[name] = statistics.median(rates)
        print(f"{name}: {min(rates):,.0f} … median {medians[name]:,.0f} … {max(rates):,.0f} counters per CPU-second")
    if len(medians) == 2:
        print(f"ratio panoptes / kafka-streams: {medians['panoptes'] / medians['kafka-streams']:.2f}")
        print(f"{alike} gauges of both compared: alike")
    if args.out is not None:
        machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version(),
                   "load": os.getloadavg()}  # fmt: skip
        given = {name: value for name, value in vars(args).items() if isinstance(value, int | float | bool)}
        figures = {"machine": machine, "arguments": given, "alike": alike, "medians": medians,
                   "windows": [window._asdict() for window in windows]}  # fmt: skip
        args.out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
