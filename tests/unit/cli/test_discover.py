"""`panoptes discover sweep`: who answers, as a list that `from-file` reads; a dry run sends nothing."""

import asyncio
import threading

import pytest
import yaml
from click.testing import CliRunner

from pollers.plugins.base import PluginContext
from pollers.plugins.lists.from_file import FromFile
from streams.cli import main
from tests.unit.discovery.agents import Agents, listening


@pytest.fixture
def agents():
    """Agents in a loop of their own: the command has one too."""
    agents, ready, loop = Agents(), threading.Event(), asyncio.new_event_loop()
    agents.names = {"127.9.0.2": b"sw2", "127.9.0.5": b"yes"}
    agents.engine_ids = {"127.9.0.2": b"\x80\x01"}
    over = asyncio.Event()

    async def serve():
        async with listening(agents):
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(5)
    yield agents
    loop.call_soon_threadsafe(over.set)
    thread.join()
    loop.close()


@pytest.fixture
def sweep(agents, monkeypatch, tmp_path):
    monkeypatch.setenv("SNMP_COMMUNITY", "public")
    config = tmp_path / "panoptes.ini"
    config.write_text(f"[panoptes]\nstate_dir = {tmp_path}\n")
    common = ["discover", "sweep", "--config", str(config), "--site", "fra1", "--ports", str(agents.port)]
    return lambda *arguments: CliRunner().invoke(main, [*common, *arguments])


def test_the_list_is_one_that_from_file_reads(agents, sweep, tmp_path):
    path = tmp_path / "found.yaml"
    done = sweep("127.9.0.0/29", "--output", str(path), "--packets-per-s", "5000")
    assert done.exit_code == 0, done.output
    assert f"2 devices in {path}" in done.stderr
    context = PluginContext(
        section="lab", interval_s=60, options={"path": str(path)}, snmp=None, now_ms=lambda: 0
    )  # fmt: skip
    found = asyncio.run(FromFile(context).discover())
    assert found.problems == []
    assert {each.identity: (each.endpoint, each.identifiers) for each in found.resources} == {
        "fra1|network|device|snmp|sw2": (f"127.9.0.2:{agents.port}", {"engine_id": "8001", "sys_name": "sw2"}),
        "fra1|network|device|snmp|yes": (f"127.9.0.5:{agents.port}", {"sys_name": "yes"}),
    }


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        pytest.param("facts.sys_name LIKE 'sw%'", ["sw2"], id="by-its-answer"),
        pytest.param("resource_id = 'yes'", ["yes"], id="by-its-id"),
        pytest.param("facts.engine_id = '8002'", [], id="nobody"),
    ],
)
@pytest.mark.usefixtures("agents")
def test_a_filter_picks_of_what_answers(sweep, expression, ids):
    done = sweep("127.9.0.0/29", "--packets-per-s", "5000", "--filter", expression)
    assert done.exit_code == 0, done.output
    assert [each["id"] for each in yaml.safe_load(done.stdout)] == ids


def test_a_filter_that_is_none_is_pointed_at_and_nobody_is_asked(agents, sweep):
    done = sweep("127.9.0.0/29", "--filter", "sys_name = 'sw2'")
    assert (done.exit_code, agents.asked) == (2, {})
    assert done.stderr.splitlines()[1:] == ["    sys_name = 'sw2'", "    ^"]


def test_a_dry_run_says_what_it_costs_and_sends_nothing(agents, sweep):
    done = sweep("127.9.0.0/24", "--exclude", "127.9.0.0/25", "--dry-run")
    assert done.exit_code == 0, done.output
    assert done.stdout == (
        f"{127} addresses, 1 ports, 1 messages each: at most 254 packets, about 3 s at 500 packets a second\n"
    )
    assert agents.asked == {}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["127.9.0.1/24"], "write 127.9.0.0/24"),
        (["10.0.0.0/8"], "say max_addresses"),
        (["127.9.0.0/29", "--rounds", "no"], "rounds: expected a whole number"),
    ],
)
def test_what_cannot_be_swept_is_said_in_one_line(sweep, arguments, says):
    done = sweep(*arguments)
    assert (done.exit_code, says in done.stderr) == (2, True), done.output
