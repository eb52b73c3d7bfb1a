"""A recording served by a real agent gives what it gives offline, and a walk of that agent is the recording again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streams.cli import main
from tests.contract.snmp.agents import Agent, snmpsim, sorted_recording
from tests.golden.devices.recordings import RECORDINGS, recording

NAMES = ("cisco-ios-4948E", "juniper-ex", "juniper-bgp", "interfaces-generic", "interfaces-arista")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    folder = tmp_path_factory.mktemp("recordings")
    for name in NAMES:
        sorted_recording(recording(name) / "walk.snmprec", folder / f"{name}.snmprec")
    (folder / "public.snmprec").write_text("1.3.6.1.2.1.1.3.0|67|1\n")  # what the agent is asked to see if it is there
    with snmpsim(folder) as running:
        yield running


def run(*arguments: str, community: str) -> str:
    result = CliRunner().invoke(main, list(arguments), env={"SNMP_COMMUNITY": community}, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def rows(lines: str) -> list[dict[str, Any]]:
    return sorted((json.loads(line) for line in lines.splitlines()), key=lambda row: (row["group"], row["row"]))


@pytest.mark.parametrize("name", NAMES)
def test_a_live_device_gives_what_its_recording_gives(agent: Agent, name: str):
    target = f"{agent.host}:{agent.port}"
    found = run("poll", target, "--profile", RECORDINGS[name], "--json", community=name)
    golden = (Path(__file__).parent / f"{name}.jsonl").read_text(encoding="utf-8")
    assert rows(found) == rows(golden)


@pytest.mark.parametrize("name", ["juniper-bgp", "interfaces-arista"])
def test_a_walk_of_a_live_device_is_a_recording_of_it(agent: Agent, name: str, tmp_path: Path):
    output = tmp_path / "again.snmprec"
    run("walk", f"{agent.host}:{agent.port}", "-o", str(output), community=name)
    found = run("poll", "--walk", str(output), "--profile", RECORDINGS[name], "--json", community=name)
    golden = (Path(__file__).parent / f"{name}.jsonl").read_text(encoding="utf-8")
    assert rows(found) == rows(golden)
