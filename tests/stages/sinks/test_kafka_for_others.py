"""What docs/kafka-for-others.md shows works: a consumer that knows nothing of us reads every gauge."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from streams.playground.services import Stack
from tests.stages.gauges.pipe import ROOT
from tests.stages.gauges.scenarios import QUICK
from tests.stages.sinks.sinkpipe import SinkPipe, load

CONSUMER: Final = ROOT / "examples" / "consume_gauges.py"

#: runs a script as it runs in a terminal: in the background of a shell SIGINT is ignored
INTERRUPTIBLE: Final = (
    "import runpy, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); del sys.argv[0]; "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)

pytestmark = pytest.mark.timeout(120)


def test_the_python_consumer_prints_every_gauge_and_goes_on_where_it_was(stack: Stack, tmp_path: Path):
    environment = stack.environment()
    bootstrap, registry = environment["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"], environment["PANOPTES_REGISTRY_URL"]
    settings = {**QUICK, "PANOPTES_REGISTRY_URL": registry}
    printed: list[dict[str, object]] = []
    with SinkPipe(bootstrap, f"others{time.time_ns()}", tmp_path / "state", settings=settings) as pipe:
        given = []
        for part in range(2):
            gauges = load(part * 5, 5)
            pipe.put_gauges(gauges)
            given += gauges
            out = tmp_path / f"printed-{part}"
            group = f"{pipe.gauge_topic}-reader"
            command = [sys.executable, "-c", INTERRUPTIBLE, CONSUMER, bootstrap, registry, pipe.gauge_topic, group]
            with out.open("wb") as file, subprocess.Popen(command, stdout=file) as consumer:  # noqa: S603 - our own
                pipe.wait(lambda out=out, gauges=gauges: out.read_text().count("\n") >= len(gauges), "printed", 60)
                consumer.send_signal(signal.SIGINT)
                assert consumer.wait(20) == 0
            printed += [json.loads(line) for line in out.read_text().splitlines()]
    wanted = [(one.resource, one.row, one.time_ms, dict(one.gauges)) for one in given]
    found = [(one["resource"], one["row"], one["time_ms"], one["gauges"]) for one in printed]
    assert sorted(found, key=repr) == sorted(wanted, key=repr), "all of them, each once, values equal"
