"""The console as a process, and its topics filled by hand."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

import httpx

from schemas.records import EnrichedResource, Link, PollStatus
from streams.pipeline import Topic
from streams.runtime.kafka.topic_names import topic_name
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from tests.bench.sinks.load import key_of, polls
from tests.stages.gauges.pipe import ROOT, Pipe
from tests.unit.sinks.gauges import HEADER

AT_ONCE: Final = 100  #: devices


class Topics(Pipe):
    """The topics, filled by hand."""

    async def _prepare(self) -> None:
        await super()._prepare()
        self.serdes = Serdes(self.settings, open_registry(self.settings))
        for topic, record in (
            (Topic.ENRICHED_RESOURCES, EnrichedResource), (Topic.POLL_STATUS, PollStatus), (Topic.TOPOLOGY, Link)
        ):  # fmt: skip
            self.serdes.of(topic, record)
        await self.serdes.register()

    def fill(self, topic: Topic, record: type[Any], records: Iterable[tuple[str, Any]]) -> None:
        encode = self.serdes.of(topic, record).encode
        self.put(((key.encode(), encode(each)) for key, each in records), topic=topic_name(self.settings, topic))

    def gauges(self, devices: int, rows: int, slot: int, pause_s: float = 0.0) -> None:
        """Put a gauge of every row, a pause after each hundred devices."""
        self.put(self._gauges(devices, rows, slot, pause_s), topic=self.gauge_topic)

    def _gauges(self, devices: int, rows: int, slot: int, pause_s: float) -> Iterator[tuple[bytes, bytes]]:
        template = polls(1, rows, 0, slot)  # encoded once: only names and a few bytes of each device differ
        whose = b"sw0.fra1"
        began_s = time.monotonic()
        for device in range(devices):
            key = key_of(device)
            grown = len(key) - len(key_of(0))
            for value in template:
                yield key.encode(), self._own(value, whose, device, grown)
            if pause_s and device % AT_ONCE == 0:
                time.sleep(max(0.0, began_s + pause_s * device / AT_ONCE - time.monotonic()))

    def _own(self, value: bytes, whose: bytes, device: int, grown: int) -> bytes:
        """Return the gauge as another device's: its identity is a byte or more longer, and Avro says how long."""
        at = value.index(whose)
        start = at - len("fra1|network|switch|cisco|")
        length = bytes([value[start - 1] + 2 * grown])
        named = b"sw%d.fra1" % device
        return b"".join([self.gauge_header, value[len(HEADER) : start - 1], length, value[start:at], named,
                         value[at + len(whose) :]])  # fmt: skip


def start(topics: Topics, port: int, **more: str) -> "subprocess.Popen[bytes]":
    """Start the console as a process with further environment variables; its log is in the topics' folder."""
    own = {**os.environ, **topics.env, "PANOPTES_CONSOLE_PORT": str(port), **more, "PYTHONPATH": str(ROOT)}
    with (topics.state / "console.log").open("wb") as log:
        code = "from streams.cli import main; main()"
        command = [sys.executable, "-c", code, "console"]
        return subprocess.Popen(command, cwd=ROOT, env=own, stdout=log, stderr=log)  # noqa: S603 - our own console


def ask(port: int, path: str) -> Any:
    """Return what the API answers."""
    return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=120, trust_env=False).json()


def status(port: int) -> str:
    """Return what /health says, `away` where nobody answers."""
    try:
        return str(ask(port, "/health")["status"])
    except httpx.TransportError:
        return "away"
