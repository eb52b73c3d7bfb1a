"""Every recorded device, served by snmpsim: the engines and net-snmp's own walk give what was recorded."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pollers.snmp.credentials import Community, Secret
from pollers.snmp.limits import Engine
from pollers.snmp.values import Type
from tests.contract.snmp import agents, recordings
from tests.contract.snmp.agents import Agent
from tests.contract.snmp.conftest import Opening

NAMES = recordings.names()


def test_recordings_are_there_where_they_must_be() -> None:
    if not NAMES and not os.environ.get("CI"):
        pytest.skip(f"no recordings under {agents.shared()}; PANOPTES_SHARED names their folder")
    assert NAMES


@pytest.fixture(scope="module")
def sorted_recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for name in NAMES:
        agents.sorted_recording(agents.shared() / "devices" / name / "walk.snmprec", folder / f"{name}.snmprec")
    (folder / "public.snmprec").write_text("1.3.6.1.2.1.1.3.0|67|1\n")
    return folder


@pytest.fixture(scope="module")
def simulator(sorted_recordings: Path) -> Iterator[Agent]:
    with agents.snmpsim(sorted_recordings) as agent:
        yield agent


def community(name: str) -> list[Community]:
    return [Community(community=Secret(name))]


@pytest.mark.parametrize("name", NAMES)
async def test_a_walk_gives_every_recorded_value_with_its_type(
    name: str, simulator: Agent, sorted_recordings: Path, opening: Opening
) -> None:
    recorded = recordings.read(sorted_recordings / f"{name}.snmprec")
    async with opening(simulator.endpoint, Engine.NATIVE, community(name), 60.0) as session:
        table = await session.walk(["1.3.6.1"])
    assert not table.problems
    column = table.columns[0]
    got = [(f"1.3.6.1.{row}", Type(t), d) for row, t, d in zip(table.rows, column.types, column.data, strict=True)]
    assert got == [tuple(r) for r in recorded]


@pytest.mark.parametrize("name", NAMES)
async def test_the_engines_agree_on_what_is_there_and_what_is_missing(
    name: str, simulator: Agent, sorted_recordings: Path, engine: Engine, opening: Opening
) -> None:
    recorded = recordings.read(sorted_recordings / f"{name}.snmprec")
    step = max(1, len(recorded) // 150)
    asked = recorded[::step]
    async with opening(simulator.endpoint, engine, community(name), 60.0) as session:
        for _ in range(2):
            values = await session.get_many([*(r.oid for r in asked), "1.3.6.1.2.1.1.99.0"])
            assert [(v.type, v.data) for v in values[:-1]] == [(r.type, r.data) for r in asked]
            assert not values[-1].exists


@pytest.mark.parametrize("name", NAMES)
async def test_a_table_gives_the_same_by_walking_and_by_known_rows(
    name: str, simulator: Agent, sorted_recordings: Path, engine: Engine, opening: Opening
) -> None:
    recorded = {r.oid: r for r in recordings.read(sorted_recordings / f"{name}.snmprec")}
    columns = [f"1.3.6.1.2.1.2.2.1.{n}" for n in (2, 3, 8)] + ["1.3.6.1.2.1.31.1.1.1.1"]
    expected = {c: {o: (r.type, r.data) for o, r in recorded.items() if o.startswith(c + ".")} for c in columns}
    if not any(expected.values()):
        columns = ["1.3.6.1.2.1.1"]
        expected = {c: {o: (r.type, r.data) for o, r in recorded.items() if o.startswith(c + ".")} for c in columns}
    async with opening(simulator.endpoint, engine, community(name), 60.0) as session:
        for _ in range(2):
            table = await session.table(columns)
            assert not table.problems
            for column in table.columns:
                cells = zip(table.rows, column.types, column.data, strict=True)
                got = {f"{column.oid}.{row}": (Type(t), d) for row, t, d in cells if t}
                assert got == expected[column.oid]


@pytest.mark.parametrize("name", NAMES)
def test_snmpbulkwalk_counts_as_many_values(name: str, simulator: Agent, sorted_recordings: Path) -> None:
    program = agents.require("snmpbulkwalk", "snmp")
    command = [program, "-v2c", "-c", name, "-Onq", "-Ih", "-m", "", "-M", "", "-Cr25", simulator.endpoint, "1.3.6.1"]
    out = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.decode("latin-1")  # noqa: S603
    lines = [line for line in out.splitlines() if line.startswith(".1.") and "No more variables left" not in line]
    oids = [line.split(" ", 1)[0].lstrip(".") for line in lines]
    assert oids == [r.oid for r in recordings.read(sorted_recordings / f"{name}.snmprec")]
