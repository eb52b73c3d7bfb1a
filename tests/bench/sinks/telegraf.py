"""Telegraf from the same topic to the same store: CPU per stored number, counted as ours is.

Its `inputs.kafka_consumer` decodes Avro by the registry's schema, which it asks for once; here that is a server with
this one answer. It is given the numbers of a gauge and four labels: no states, no infos, no ends of series.

Of several samples of one series in a batch, its serializer keeps the newest: catching up with large batches it loses
the others. So batches are so small here that none holds two minutes.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final, NamedTuple

from schemas.codec import canonical_text
from streams.pipeline import TOPICS, Topic
from tests.bench.sinks.load import NAMES
from tests.http_server import http_server
from tests.stages.gauges.pipe import cpu_s, rss_mb
from tests.stages.sinks.sinkpipe import SinkPipe, StoppableStore

SERIES: Final = "telegraf_gauges_octets_in"
WITHIN_S: Final = 900.0
CONFIG: Final = """
[agent]
  omit_hostname = true
  flush_interval = "1s"
  metric_batch_size = {batch}
  metric_buffer_limit = 200000
[[inputs.kafka_consumer]]
  brokers = ["{bootstrap}"]
  topics = ["{topic}"]
  consumer_group = "telegraf"
  offset = "oldest"
  version = "2.8.0"
  max_undelivered_messages = 20000
  data_format = "avro"
  avro_schema_registry = "{registry}"
  avro_field_separator = "_"
  avro_measurement = "telegraf"
  avro_tags = ["site", "resource", "group", "row"]
  avro_fields = ["gauges"]
  avro_timestamp = "time_ms"
  avro_timestamp_format = "unix_ms"
[[outputs.http]]
  url = "{store}/api/v1/write"
  data_format = "prometheusremotewrite"
  [outputs.http.headers]
    Content-Type = "application/x-protobuf"
    Content-Encoding = "snappy"
    X-Prometheus-Remote-Write-Version = "0.1.0"
"""


class _Registry(BaseHTTPRequestHandler):
    """A registry whose schemas are all the gauges'."""

    def do_GET(self) -> None:
        body = json.dumps({"schema": canonical_text(TOPICS[Topic.GAUGES].schema)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Say nothing."""


def found(given: Path | None) -> str | None:
    """Return Telegraf's path, the one that is given or on the PATH; None where there is none."""
    return shutil.which(given or "telegraf")


class Seen(NamedTuple):
    """Telegraf at one moment."""

    samples: int
    cpu_s: float
    at_s: float


class Peer:
    """Telegraf at work."""

    def __init__(
        self, program: str, process: "subprocess.Popen[bytes]", count: Callable[[str], int], log: Path
    ) -> None:
        """`count` asks the store for the samples of a series."""
        self._program, self._process, self._count, self._log = program, process, count, log

    def until(self, samples: int) -> Seen:
        """Return what it has used when the store has so many of its samples."""
        deadline_s = time.monotonic() + WITHIN_S
        while (have := self._count(SERIES)) < samples:
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                said = self._log.read_text()[-2000:]
                raise TimeoutError(f"Telegraf: {have} of {samples} samples within {WITHIN_S:g} s\n{said}")
            time.sleep(1)
        return Seen(have, cpu_s(self._process.pid), time.monotonic())

    def figures(self, first: Seen, last: Seen, wanted: int) -> dict[str, Any]:
        """Return what it took between two moments."""
        numbers = (last.samples - first.samples) * len(NAMES)
        said = subprocess.run([self._program, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own
        return {
            "telegraf": said.strip(),
            "telegraf samples of one series": f"{last.samples} of {wanted} in the store",
            "telegraf_cpu_us_per_number": round((last.cpu_s - first.cpu_s) * 1e6 / numbers, 3),
            "telegraf_numbers_per_s": round(numbers / (last.at_s - first.at_s)),
            "telegraf_rss_mib": round(rss_mb(self._process.pid)),
        }


@contextmanager
def running(
    program: str, pipe: SinkPipe, store: StoppableStore, per_minute: int, count: Callable[[str], int]
) -> Iterator[Peer]:
    """Give Telegraf at work, until the end."""
    config, log = pipe.state / "telegraf.conf", pipe.state / "telegraf.log"
    with http_server(_Registry) as registry, log.open("wb") as out:
        places = {"bootstrap": pipe.bootstrap, "topic": pipe.gauge_topic, "registry": registry, "store": store.url}
        # records of a partition come a minute after the other, and there are four of them
        config.write_text(CONFIG.format(**places, batch=min(1_000, per_minute // 8)))
        process = subprocess.Popen([program, "--config", str(config)], stdout=out, stderr=subprocess.STDOUT)  # noqa: S603 - our own
        try:
            yield Peer(program, process, count, log)
        finally:
            process.terminate()
            process.wait(30)
