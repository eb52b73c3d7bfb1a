"""All stages as real processes on the real services: what comes out is true."""

import contextlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import pytest
import redis

from streams.pipeline import STAGES
from streams.playground.demo import layout
from streams.playground.demo.children import Children, wait_for_line
from streams.playground.services import Stack
from streams.playground.simulators import topology
from streams.playground.simulators.devices import MUTE_ROLES, fleet
from tests.udp_port import free_udp_port

ROOT: Final = Path(__file__).parents[2]
INTERVAL_S: Final = 10
#: a reboot, a cleared counter and the wrap of an uptime come this soon, and again
EVENTS_EVERY_S: Final = 50
DEVICES: Final = 14
WITHIN_S: Final = 240


class Running(NamedTuple):
    children: Children
    stack: Stack
    prefix: str
    truth: str  #: URL of the simulator
    environment: Mapping[str, str]  #: of the workers


@pytest.fixture
def running(stack: Stack, tmp_path: Path) -> Iterator[Running]:
    prefix = f"e2e-{uuid.uuid4().hex[:8]}"
    configuration, devices = tmp_path / "panoptes.ini", tmp_path / "devices.json"
    environment = {**stack.environment(), "PANOPTES_CONFIG": str(configuration)}
    children = Children(tmp_path / "logs", environment, ROOT)
    try:
        port, events = str(free_udp_port()), str(EVENTS_EVERY_S)
        simulators = children.start(
            "simulators",
            (
                sys.executable,
                "-m",
                "streams.playground.simulators",
                "--devices",
                str(DEVICES),
                "--port",
                port,
                "--events-every",
                events,
            ),
        )
        truth_port = wait_for_line(simulators, "ready ", 60).rpartition("=")[2]
        truth = f"http://127.0.0.1:{truth_port}"
        fleet = httpx.get(f"{truth}/fleet", timeout=10).json()
        devices.write_text(layout.device_list(fleet, None))
        configuration.write_text(
            layout.configuration(state=tmp_path / "state", devices=devices, interval_s=INTERVAL_S, prefix=prefix)
        )
        with contextlib.closing(redis.Redis.from_url(stack.service("redis").address)) as client:
            for key, value in layout.secrets(fleet).items():
                client.set(key, value)
        for stage in STAGES:
            children.start(stage.name, layout.stage_command(sys.executable, stage.name))
        yield Running(children, stack, prefix, truth, {**os.environ, **environment})
    finally:
        stubborn = children.stop()
    assert stubborn == [], "every process stops within 10 s of SIGTERM"


@pytest.mark.timeout(WITHIN_S + 120)
def test_every_rate_is_true_and_every_silence_is_reported(running: Running, tmp_path: Path) -> None:
    services, report = running.stack, tmp_path / "report.json"
    with subprocess.Popen(  # noqa: S603
        [
            *(sys.executable, "-m", "streams.playground.check", "--prefix", running.prefix, "--truth", running.truth),
            *("--bootstrap", services.service("kafka").address, "--registry", services.service("apicurio").address),
            *("--report", str(report), "--within", str(WITHIN_S)),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as check:
        said, _ = check.communicate(timeout=WITHIN_S + 60)
    running.children.check()
    assert check.returncode == 0, said
    found = json.loads(report.read_text())
    assert found["rates_disagreed"] == 0
    assert found["rates_agreed"] > DEVICES * 48 * 12
    assert found["wraps_right"] > 0
    assert linked(running) == cabled()


def cabled() -> set[frozenset[tuple[str, str]]]:
    """Return the links between devices that answer, as the simulators know them: both ends, by device and port."""
    devices = fleet(DEVICES, events_every_s=EVENTS_EVERY_S)
    mute = {number for number, device in enumerate(devices) if device.role in MUTE_ROLES}
    return {
        frozenset((devices[end.device].device_id, devices[end.device].interfaces[end.port].name) for end in link)
        for link in topology.links(devices, sorted(mute))
        if not {end.device for end in link} & mute
    }


def linked(running: Running) -> set[frozenset[tuple[str, str]]]:
    """Return the links that are up, as `panoptes topology` exports them."""
    command = [
        sys.executable,
        "-c",
        "from streams.cli import main; main()",
        "topology",
        "export",
        "--format",
        "json",
        "--state",
        "up",
    ]
    exported = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=running.environment, capture_output=True, text=True, check=True, timeout=60
    )
    links = json.loads(exported.stdout)
    return {frozenset((end["resource"].rpartition("|")[2], end["row"]) for end in link["ends"]) for link in links}
