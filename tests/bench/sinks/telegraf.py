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
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

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


def version(program: str) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - our own


def measured(
    program: str, pipe: SinkPipe, store: StoppableStore, per_minute: int, minutes: int, count: Callable[[str], int]
) -> dict[str, Any]:
    """Return what Telegraf takes for the minutes after the first, and that the store has all of them."""
    config = pipe.state / "telegraf.conf"
    with http_server(_Registry) as registry, (pipe.state / "telegraf.log").open("wb") as log:
        places = {"bootstrap": pipe.bootstrap, "topic": pipe.gauge_topic, "registry": registry, "store": store.url}
        # records of a partition come a minute after the other, and there are four of them
        config.write_text(CONFIG.format(**places, batch=min(1_000, per_minute // 8)))
        process = subprocess.Popen([program, "--config", str(config)], stdout=log, stderr=subprocess.STDOUT)  # noqa: S603 - our own
        try:
            first = _until(process, per_minute, count, pipe.state)
            last = _until(process, per_minute * minutes, count, pipe.state)
            memory = rss_mb(process.pid)
        finally:
            process.terminate()
            process.wait(30)
    numbers = (last[0] - first[0]) * len(NAMES)
    cpu, wall = last[1] - first[1], last[2] - first[2]
    return {
        "telegraf": version(program),
        "telegraf samples of one series": f"{last[0]} of {per_minute * minutes} in the store",
        "telegraf_cpu_us_per_number": round(cpu * 1e6 / numbers, 3),
        "telegraf_numbers_per_s": round(numbers / wall),
        "telegraf_rss_mib": round(memory),
    }


def _until(
    process: "subprocess.Popen[bytes]", samples: int, count: Callable[[str], int], state: Path
) -> tuple[int, float, float]:
    """Wait until the store has so many of its samples; return how many it has, CPU and time then."""
    deadline_s = time.monotonic() + WITHIN_S
    while (have := count(SERIES)) < samples:
        if process.poll() is not None or time.monotonic() > deadline_s:
            log = (state / "telegraf.log").read_text()[-2000:]
            raise TimeoutError(f"Telegraf: {have} of {samples} samples within {WITHIN_S:g} s\n{log}")
        time.sleep(1)
    return have, cpu_s(process.pid), time.monotonic()
