"""A third-party package with one plugin of each kind, installed for real and run through all five stages."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer

from streams.pipeline import STAGES
from streams.playground.demo import layout
from streams.playground.demo.children import Children
from streams.playground.services import Stack

ROOT: Final = Path(__file__).parents[2]
WITHIN_S: Final = 120

CONFIGURATION: Final = """
[panoptes]
topic_prefix = {prefix}
state_dir = {state}
[web]
base_port = 0
[discovery:hosts]
plugin = example-hosts
interval_s = 5
hosts = localhost
[enrichment:rack]
plugin = example-rack
interval_s = 30
lab = rack 7
[polling:load]
plugin = example-host-load
interval_s = 2
filter = resource_class = "system"
[transform:peak]
plugin = example-peak
"""


@pytest.fixture
def site_packages(tmp_path: Path) -> Path:
    """A folder into which pip has installed the example, as it would any package, but for its dependencies."""
    folder = tmp_path / "site-packages"
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"),
        *("--disable-pip-version-check", "--root-user-action=ignore", "--target", str(folder)),
        str(_copy(tmp_path)),
    ]
    subprocess.run(command, check=True, timeout=100)  # noqa: S603
    return folder


def _copy(tmp_path: Path) -> Path:
    """Return a copy of the example: building a package writes into its folder."""
    source = ROOT / "examples" / "plugin"
    for file in source.rglob("*"):
        if file.suffix in (".py", ".toml"):
            copy = tmp_path / "plugin" / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    return tmp_path / "plugin"


@pytest.fixture
def prefix(stack: Stack, site_packages: Path, tmp_path: Path) -> Iterator[str]:
    name = f"plugins-{uuid.uuid4().hex[:8]}"
    configuration = tmp_path / "panoptes.ini"
    configuration.write_text(CONFIGURATION.format(prefix=name, state=tmp_path / "state"))
    path = os.pathsep.join(filter(None, [str(site_packages), os.environ.get("PYTHONPATH", "")]))
    environment = {**stack.environment(), "PANOPTES_CONFIG": str(configuration), "PYTHONPATH": path}
    children = Children(tmp_path / "logs", environment, ROOT)
    try:
        for stage in STAGES:
            children.start(stage.name, layout.stage_command(sys.executable, stage.name))
        yield name
        children.check()
    finally:
        stubborn = children.stop()
    assert stubborn == []


def _gauges(stack: Stack, prefix: str, enough: Any) -> list[dict[str, Any]]:
    consumer = Consumer({
        "bootstrap.servers": stack.service("kafka").address, "group.id": prefix, "auto.offset.reset": "earliest",
    })  # fmt: skip
    registry = SchemaRegistryClient({"url": stack.service("apicurio").address})
    read = AvroDeserializer(registry)
    consumer.subscribe([f"{prefix}.gauges"])
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + WITHIN_S
    try:
        while not enough(found) and time.monotonic() < deadline:
            message = consumer.poll(1.0)
            if message is not None and message.error() is None:
                found.append(read(message.value(), None))
    finally:
        consumer.close()
        registry.close()
    return found


@pytest.mark.timeout(WITHIN_S + 120)
def test_plugins_of_an_installed_package_run_through_the_whole_pipeline(stack: Stack, prefix: str) -> None:
    def of(found: list[dict[str, Any]], group: str) -> list[dict[str, Any]]:
        return [gauge for gauge in found if gauge["group"] == group]

    found = _gauges(stack, prefix, lambda seen: len(of(seen, "host-peak")) >= 4)
    hosts, peaks = of(found, "host"), of(found, "host-peak")
    assert {gauge["resource"] for gauge in found} == {"lab|system|host|linux|localhost"}
    assert hosts[0]["dimensions"] == {"rack": "rack 7"}
    assert hosts[0]["missing"].keys() == {"context_switches"}, "the first sample has no rate, and says so"
    assert all(gauge["gauges"]["context_switches"] > 0 for gauge in hosts[1:])
    loads = [gauge["gauges"]["load_1m"] for gauge in hosts]
    assert peaks[3]["gauges"]["load_1m"] == max(loads[:4])
