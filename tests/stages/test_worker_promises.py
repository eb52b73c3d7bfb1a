"""What every worker promises, shown with real processes on the real services."""

import asyncio
import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import urlopen
from zlib import crc32

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from streams.playground.demo import layout
from streams.playground.demo.children import last_lines
from streams.playground.services import Stack
from tests.contract.sinks.stores import free_port

LOOPBACK: Final = "127.0.0.1"
ROOT: Final = Path(__file__).parents[2]
PARTITIONS: Final = 8
SECTION: Final = "odd"
WITHIN_S: Final = 60.0

#: a discovery plugin whose `discover` does what the environment says
PLUGIN: Final = """
import asyncio, os, time
from pollers.plugins.base import Discovery

class Odd:
    async def discover(self):
        print("odd: discovering", flush=True)
        if os.environ["ODD"] == "hangs":
            await asyncio.Event().wait()
        if os.environ["ODD"] == "blocks":
            time.sleep(600)
        return Discovery(resources=[])

def create(context):
    return Odd()
"""
CONFIGURATION: Final = """
[panoptes]
topic_prefix = {prefix}
state_dir = {state}
[web]
base_port = 0
[kafka]
session_timeout_s = 6
heartbeat_interval_s = 1
[scheduling]
publish_ahead_s = 2
progress_timeout_s = 600
loop_timeout_s = 3
[discovery:odd]
plugin = odd
interval_s = 3600
"""


class Workers:
    """Workers of the discovery stage with the odd plugin."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.prefix = f"odd-{uuid.uuid4().hex[:8]}"
        self._stack, self._folder = stack, folder
        self._running: list[subprocess.Popen[bytes]] = []
        info = folder / "odd-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[panoptes.discovery]\nodd = odd_plugin:create\n")
        (folder / "odd_plugin.py").write_text(PLUGIN)
        (folder / "panoptes.ini").write_text(CONFIGURATION.format(prefix=self.prefix, state=folder / "state"))

    def start(self, behaviour: str, **settings: str) -> tuple["subprocess.Popen[bytes]", Path]:
        log = self._folder / f"{behaviour}.log"
        environment = {
            **self._stack.environment(), "PANOPTES_CONFIG": str(self._folder / "panoptes.ini"),
            "PYTHONPATH": str(self._folder), "ODD": behaviour, "PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1",
            **settings,
        }  # fmt: skip
        command = layout.stage_command(sys.executable, "discovery")
        with log.open("wb") as output:
            worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603
        self._running.append(worker)
        return worker, log

    def committed(self) -> dict[int, int]:
        """Return the committed offset of each partition of the ticks topic that has one."""

        async def ask() -> dict[int, int]:
            admin = AIOKafkaAdminClient(bootstrap_servers=self._stack.service("kafka").address)
            await admin.start()
            try:
                offsets = await admin.list_consumer_group_offsets(f"{self.prefix}-discovery")
                return {tp.partition: found.offset for tp, found in offsets.items() if found.offset > 0}
            finally:
                await admin.close()

        return asyncio.run(ask())

    def stop(self) -> None:
        for worker in self._running:
            worker.kill()
            worker.wait(10)


@pytest.fixture
def workers(stack: Stack, tmp_path: Path) -> Iterator[Workers]:
    made = Workers(stack, tmp_path)
    yield made
    made.stop()


def until(what: str, holds: Callable[[], Any], log: Path) -> Any:
    deadline = time.monotonic() + WITHIN_S
    while not (found := holds()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {WITHIN_S:.0f} s\n" + "\n".join(last_lines(log)))
        time.sleep(0.2)
    return found


@pytest.mark.timeout(240)
def test_a_tick_that_is_not_done_is_never_committed_and_comes_again_after_a_kill(workers: Workers) -> None:
    """Also the very first tick of a fresh group, whose offset is 0 and before which nothing was committed."""
    its_partition = crc32(SECTION.encode()) % PARTITIONS
    worker, log = workers.start("hangs")
    until("the hanging tick runs", lambda: "odd: discovering" in log.read_text(), log)
    others = set(range(PARTITIONS)) - {its_partition}
    until("later ticks of the other partitions are committed", lambda: others <= workers.committed().keys(), log)
    assert its_partition not in workers.committed()
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    _, log = workers.start("works")
    until("the tick is run by the next owner", lambda: "discovered plugin=odd" in log.read_text(), log)
    until("and committed", lambda: its_partition in workers.committed(), log)


@pytest.mark.timeout(180)
def test_a_worker_whose_event_loop_is_blocked_ends_itself_with_a_clear_last_line(workers: Workers) -> None:
    worker, log = workers.start("blocks")
    assert worker.wait(WITHIN_S) == 70
    last = log.read_text().strip().splitlines()[-1]
    assert "no progress, ending this worker so that it is restarted" in last
    assert "the event loop has been blocked for" in last
    assert "by odd_plugin.discover (odd_plugin.py:" in last


@pytest.mark.timeout(180)
def test_a_worker_of_which_one_partition_is_stuck_ends_itself_though_the_others_go_on(workers: Workers) -> None:
    worker, log = workers.start(
        "hangs", PANOPTES_SCHEDULING_PROGRESS_TIMEOUT_S="10", PANOPTES_DISCOVERY_ODD_INTERVAL_S="10"
    )
    assert worker.wait(WITHIN_S) == 70
    last = log.read_text().strip().splitlines()[-1]
    stuck = crc32(SECTION.encode()) % PARTITIONS
    assert "no progress, ending this worker so that it is restarted" in last
    assert f"in topic {workers.prefix}.ticks.discovery partition {stuck} at offset" in last


@pytest.mark.timeout(120)
def test_a_worker_that_waits_for_kafka_says_that_it_lives_and_is_not_ready(workers: Workers) -> None:
    port = free_port()
    worker, log = workers.start(
        "waits",
        PANOPTES_KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{free_port()}",
        PANOPTES_WEB_BASE_PORT=str(port),
    )

    def asked(view: str) -> tuple[int, bytes] | None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/{view}", timeout=5) as answer:
                return answer.status, answer.read()
        except HTTPError as refused:
            return refused.code, refused.read()
        except OSError:
            return None

    until("it listens", lambda: asked("health"), log)
    until("it says what it waits for", lambda: "waiting for kafka at=127.0.0.1:" in log.read_text(), log)
    status, health = asked("health") or (0, b"{}")
    assert (status, json.loads(health)["live"], json.loads(health)["ready"]) == (200, True, False)
    assert (asked("ready") or (0,))[0] == 503
    assert b"panoptes_records_in_work" in (asked("metrics") or (0, b""))[1]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
