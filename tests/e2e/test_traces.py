"""The demo with traces on: every rate is right, and a slot is one trace from its tick to the store."""

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

import pytest

from streams.runtime.tracing.spans import SlotName, trace_id
from tests.otlp_receiver import Received, otlp_receiver

ROOT: Final = Path(__file__).parents[2]
CHECK_S: Final = 300

pytestmark = [
    pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(CHECK_S + 60),
    pytest.mark.skipif("TRACES" not in os.environ, reason="asked for by `make test-traces`"),
]  # fmt: skip


def test_a_slot_is_one_trace_from_its_tick_to_the_store(tmp_path: Path, jars: Path) -> None:
    with otlp_receiver() as receiver:
        command = [sys.executable, "-c", "from streams.cli import main; main()", "demo", "--check", "--devices", "12"]
        command += ["--interval", "10", "--events-every", "75", "--within", str(CHECK_S), "--jars", str(jars)]
        environment = {**os.environ, "PANOPTES_TRACING_URL": receiver.url, "PANOPTES_TRACING_SHARE": "1"}
        done = subprocess.run(  # noqa: S603 - our own
            [*command, "--state", str(tmp_path)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
    assert "\nPASSED\n" in done.stdout, done.stdout[-4000:] + done.stderr[-2000:]
    traces: dict[bytes, list[Received]] = defaultdict(list)
    for each in receiver.spans:
        traces[each.span.trace_id].append(each)
    whole = [found for found in traces.values() if {"tick", "poll", "gauges"} <= {each.span.name for each in found}]
    assert len(whole) >= 12 * 3, {each.span.name for each in receiver.spans}
    for found in whole:
        said = found[0].attributes
        name = SlotName(*(said[f"panoptes.{part}"] for part in ("resource", "job", "slot")))  # type: ignore[arg-type]
        assert trace_id(name) == found[0].span.trace_id
        ids = {each.span.span_id for each in found}
        assert {each.span.parent_span_id for each in found} - ids <= {b""}, "every parent is in the trace"
        starts = {each.span.name: each.span.start_time_unix_nano for each in reversed(found)}
        assert starts["tick"] <= starts["poll"] <= starts["gauges"]
    services = {each.service for each in receiver.spans}
    assert {"panoptes-polling", "panoptes-gauges"} <= services
    if "panoptes-sinks" in services:  # where there is a store
        assert sum(any(each.span.name == "sink" for each in found) for found in whole) >= 12
