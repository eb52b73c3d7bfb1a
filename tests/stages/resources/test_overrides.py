"""What an operator says by `panoptes resources`, to a worker of the resources stage on the real services."""

import asyncio
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from schemas.records import Resource
from streams.cli import main
from streams.pipeline import Topic
from streams.playground.demo import layout
from streams.playground.demo.children import last_lines
from streams.playground.services import Stack
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.outbox import Outbox
from streams.runtime.kafka.replay import replay
from streams.runtime.kafka.topic_names import topic_name
from streams.runtime.kafka.topics import ensure_topics
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import Settings, load

ROOT: Final = Path(__file__).parents[3]
WITHIN_S: Final = 90.0
OLD: Final = "fra1|network|device|snmp|sw1"
NEW: Final = "fra1|network|device|snmp|core1"


def seen(section: str, address: str) -> Resource:
    now_ms = time.time_ns() // 1_000_000
    return Resource(
        site="fra1", resource_class="network", resource_subclass="device", resource_type="snmp", resource_id="sw1",
        endpoint=address, plugins=(section,), first_seen_ms=now_ms, last_seen_ms=now_ms, ttl_s=3_600,
    )  # fmt: skip


class Stage:
    """One worker of the stage, what is put before it, and the inventory that comes of it."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        config = folder / "panoptes.ini"
        config.write_text("")
        self.environment: Final = {
            **stack.environment(),
            "PANOPTES_CONFIG": str(config),
            "PANOPTES_PANOPTES_TOPIC_PREFIX": f"told-{uuid.uuid4().hex[:8]}",
            "PANOPTES_PANOPTES_STATE_DIR": str(folder),
            "PANOPTES_KAFKA_PARTITIONS": "4",
            "PANOPTES_WEB_BASE_PORT": "0",
            "PATH": "/usr/bin:/bin",
            "PYTHONUNBUFFERED": "1",
        }
        self.settings: Final[Settings] = load(None, self.environment)
        self.log: Final = folder / "worker.log"
        asyncio.run(ensure_topics(self.settings))
        with self.log.open("wb") as output:
            self.worker = subprocess.Popen(  # noqa: S603
                layout.stage_command(sys.executable, "resources"),
                cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=self.environment,
            )  # fmt: skip

    def see(self, sighting: Resource) -> None:
        async def send() -> None:
            serdes = Serdes(self.settings, open_registry(self.settings))
            serde = serdes.of(Topic.RESOURCES, Resource)
            await serdes.register()
            outbox = Outbox(client_options(self.settings.kafka), partitions=4, max_request_bytes=2**23)
            await outbox.start()
            topic = topic_name(self.settings, Topic.RESOURCES)
            await outbox.send(topic, sighting.identity.encode(), serde.encode(sighting))
            await outbox.stop()

        asyncio.run(send())

    def panoptes(self, *arguments: str) -> Result:
        said = CliRunner(env=self.environment).invoke(main, ["resources", *arguments])
        assert said.exit_code == 0, said.output
        return said

    def inventory(self) -> dict[str, Resource]:
        async def read() -> dict[str, Resource]:
            serde = Serdes(self.settings, open_registry(self.settings)).of(Topic.INVENTORY, Resource)
            found: dict[str, Resource] = {}
            name = topic_name(self.settings, Topic.INVENTORY)
            async for record in replay(client_options(self.settings.kafka), name):
                found.pop(record.key.decode(), None)
                if record.value is not None:
                    found[record.key.decode()] = await serde.read(record.value)
            return found

        return asyncio.run(read())

    def until(self, holds: Callable[[dict[str, Resource]], bool]) -> dict[str, Resource]:
        deadline = time.monotonic() + WITHIN_S
        while not holds(found := self.inventory()):
            assert self.worker.poll() is None, last_lines(self.log)
            assert time.monotonic() < deadline, f"{found}\n{last_lines(self.log)}"
        return found


@pytest.fixture
def stage(stack: Stack, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(stack, tmp_path)
    yield made
    made.worker.terminate()
    made.worker.wait(30)


@pytest.mark.timeout(300)
def test_maintained_renamed_ignored_and_forgotten(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PANOPTES_")]:
        monkeypatch.delenv(name)
    stage.see(seen("list", "192.0.2.1"))
    stage.until(lambda found: OLD in found)

    stage.panoptes("maintain", OLD, "--for", "2h")
    stage.until(lambda found: "maintenance_until" in found[OLD].labels)
    stage.panoptes("maintain", OLD, "--end")
    stage.until(lambda found: not found[OLD].labels)

    stage.panoptes("rename", OLD, "core1")
    found = stage.until(lambda found: NEW in found and OLD not in found)
    assert (found[NEW].endpoint, found[NEW].former_identities) == ("192.0.2.1", (OLD,))
    stage.see(seen("sweep", "192.0.2.9"))  # which has not heard of it
    assert OLD not in stage.until(lambda found: "sweep" in found[NEW].plugins)

    stage.panoptes("rename", NEW, "sw1")  # and back
    stage.until(lambda found: OLD in found and NEW not in found)

    stage.panoptes("ignore", OLD)
    stage.until(lambda found: OLD not in found)
    stage.see(seen("list", "192.0.2.1"))
    stage.see(replace(seen("list", "192.0.2.2"), resource_id="sw2"))
    assert OLD not in stage.until(lambda found: OLD.replace("sw1", "sw2") in found)
    assert "is ignored" in stage.panoptes("show", OLD).output

    stage.panoptes("forget", OLD)
    stage.see(seen("list", "192.0.2.1"))
    stage.until(lambda found: OLD in found)
