"""Two workers of the topology stage on the real services: one folds, and its death changes no link."""

import asyncio
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from schemas.records import EnrichedResource, Link, LinkState
from streams.pipeline import Topic
from streams.playground.demo import layout
from streams.playground.demo.children import last_lines
from streams.playground.services import Stack
from streams.playground.simulators.devices import fleet
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.outbox import Outbox
from streams.runtime.kafka.replay import replay
from streams.runtime.kafka.topics import ensure_topics, topic_name
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import Settings, load
from streams.topology.links import links_of
from streams.topology.told import told
from tests.contract.sinks.stores import free_port
from tests.unit.network.simulated import enriched

ROOT: Final = Path(__file__).parents[3]
WITHIN_S: Final = 60.0
STAGE_PORT: Final = 50  #: beyond the base port


class Pipe:
    """The topics of one topology stage, and its workers as processes."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.folder = folder
        self.environment: Final = {
            **stack.environment(),
            "PANOPTES_PANOPTES_TOPIC_PREFIX": f"topo-{uuid.uuid4().hex[:8]}",
            "PANOPTES_PANOPTES_STATE_DIR": str(folder),
            "PANOPTES_KAFKA_PARTITIONS": "4",
            "PANOPTES_ZOOKEEPER_SESSION_TIMEOUT_S": "4",
            "PATH": "/usr/bin:/bin",
            "PYTHONUNBUFFERED": "1",
        }
        config = folder / "panoptes.ini"
        config.write_text("")
        self.environment["PANOPTES_CONFIG"] = str(config)
        self.settings: Final[Settings] = load(None, self.environment)
        self.workers: list[tuple[subprocess.Popen[bytes], Path, int]] = []

    def start(self) -> None:
        base = free_port() - STAGE_PORT
        log = self.folder / f"{len(self.workers)}.log"
        with log.open("wb") as output:
            worker = subprocess.Popen(  # noqa: S603
                layout.stage_command(sys.executable, "topology"), cwd=ROOT, stdout=output, stderr=subprocess.STDOUT,
                env={**self.environment, "PANOPTES_WEB_BASE_PORT": str(base)},
            )  # fmt: skip
        self.workers.append((worker, log, base + STAGE_PORT))

    def put(self, told_now: Mapping[str, EnrichedResource | None]) -> None:
        async def send() -> None:
            await ensure_topics(self.settings)
            serdes = Serdes(self.settings, open_registry(self.settings))
            serde = serdes.of(Topic.ENRICHED_RESOURCES, EnrichedResource)
            await serdes.register()
            outbox = Outbox(client_options(self.settings.kafka), partitions=4, max_request_bytes=2**23)
            await outbox.start()
            topic = topic_name(self.settings, Topic.ENRICHED_RESOURCES)
            for key, each in told_now.items():
                await outbox.send(topic, key.encode(), None if each is None else serde.encode(each))
            await outbox.stop()

        asyncio.run(send())

    def links(self) -> tuple[dict[str, Link], int]:
        """Return the links that stand in the topic, and how many records it has had."""

        async def read() -> tuple[dict[str, Link], int]:
            serde = Serdes(self.settings, open_registry(self.settings)).of(Topic.TOPOLOGY, Link)
            found: dict[str, Link] = {}
            count = 0
            topic = topic_name(self.settings, Topic.TOPOLOGY)
            async for record in replay(client_options(self.settings.kafka), topic):
                count += 1
                if record.value is None:
                    found.pop(record.key.decode(), None)
                else:
                    found[record.key.decode()] = await serde.read(record.value)
            return found, count

        return asyncio.run(read())

    def stop(self) -> None:
        for worker, _log, _port in self.workers:
            worker.kill()
            worker.wait(10)


@pytest.fixture
def pipe(stack: Stack, tmp_path: Path) -> Iterator[Pipe]:
    made = Pipe(stack, tmp_path)
    yield made
    made.stop()


def until(what: str, holds: Callable[[], Any], pipe: Pipe) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        if time.monotonic() > deadline:
            logs = "\n".join(line for _, log, _ in pipe.workers for line in last_lines(log))
            pytest.fail(f"{what}: not within {WITHIN_S:.0f} s\n{logs}")
        time.sleep(0.2)


def timeless(links: Mapping[str, Link]) -> dict[str, Link]:
    return {key: replace(link, since_ms=0) for key, link in links.items()}


def ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except (HTTPError, OSError):
        return False


@pytest.mark.timeout(300)
def test_the_death_of_the_leader_changes_no_link_and_the_next_one_goes_on(pipe: Pipe) -> None:
    now_ms = time.time_ns() // 1_000_000
    network = {}
    for device in fleet():
        found = asyncio.run(enriched(device))
        fresh = {name: replace(each, collected_at_ms=now_ms, ttl_s=3_600) for name, each in found.enrichments.items()}
        network[found.resource.identity] = replace(found, enrichments=fresh)
    pipe.put(network)
    expected = timeless(links_of({key: told(each) for key, each in network.items()}, now_ms))
    pipe.start()
    until("a worker leads", lambda: "elected path=" in pipe.workers[0][1].read_text(), pipe)
    pipe.start()
    until("both are ready, also the one that stands by", lambda: all(ready(port) for *_, port in pipe.workers), pipe)
    until("all links stand in the topic", lambda: timeless(pipe.links()[0]) == expected, pipe)
    before, records = pipe.links()
    assert records == len(expected), "each link is published once"

    leader, _, _ = pipe.workers[0]
    leader.send_signal(signal.SIGKILL)
    leader.wait(10)
    until("the other one leads", lambda: "elected path=" in pipe.workers[1][1].read_text(), pipe)
    identity, link = next(
        (end.resource, key) for key, each in before.items() if each.state is LinkState.UP for end in each.ends
    )
    silent = network[identity]
    rows = dict(silent.enrichments["neighbours"].rows)
    row = next(end.row for end in before[link].ends if end.resource == identity)
    kept = {key: said for key, said in rows.items() if said["row"] != row}
    heard = {**silent.enrichments, "neighbours": replace(silent.enrichments["neighbours"], rows=kept)}
    pipe.put({identity: replace(silent, enrichments=heard)})
    until("it tells what has changed since", lambda: pipe.links()[0][link].state is LinkState.ONE_SIDED, pipe)
    after, records_now = pipe.links()
    assert {key: each for key, each in after.items() if key != link} == {
        key: each for key, each in before.items() if key != link
    }
    assert records_now == records + 1, "nothing was said again"
    standby, _, _ = pipe.workers[1]
    standby.send_signal(signal.SIGTERM)
    assert standby.wait(10) == 0
