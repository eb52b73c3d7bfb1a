"""`panoptes poll` and `walk` of simulated devices over UDP: what --explain shows, and what a failure says to check."""

import asyncio
import dataclasses
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pollers.snmp.credentials import UsmUser
from streams.cli import main
from streams.cli.devices.device import Login, credential_of
from streams.playground.simulators import server
from streams.playground.simulators.devices import DEFAULT_COMMUNITY, fleet
from streams.playground.simulators.truth import SimulatedDevice
from tests.udp_port import free_udp_port

FEW = dataclasses.replace(fleet(interfaces=12)[0], address="127.0.0.1", community=DEFAULT_COMMUNITY)
SMALL = """\
profile: small
tables: {port: {columns: {octets_in: {oid: 1.3.6.1.2.1.31.1.1.1.6}, octets_out: {oid: 1.3.6.1.2.1.31.1.1.1.10}}}}
emit: {ports: port}
"""
ABSENT = "profile: absent\ntables: {t: {columns: {v: {oid: 1.3.6.1.4.1.99999.1.1.1}}}}\nemit: {g: t}\n"
#: what a request's line says besides its names
LINE = re.compile(
    r"  (?P<asked>\S.*?) +(?P<values>\d+) values +(?P<out>\d+) B out +(?P<in_>\d+) B in +[\d.]+ ms  "
    r"try (?P<try_>\d+)  page 1400 B  (?P<outcome>.+)"
)


@contextmanager
def served(device: SimulatedDevice) -> Iterator[str]:
    """Serve a device from a loop of its own, for commands have theirs; gives its endpoint."""
    port, ready, loop = free_udp_port(), threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        transports = await server.serve([device], port, time.time())
        ready.set()
        await stop.wait()
        for transport in transports:
            transport.close()
        await asyncio.sleep(0)

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()], name="agent", daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield f"{device.address}:{port}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "absent.yaml").write_text(ABSENT)
    return tmp_path


def run(*arguments: str | Path, timeout_s: float = 2.0, community: str = DEFAULT_COMMUNITY) -> Result:
    limits = {"PANOPTES_SNMP_TIMEOUT_S": str(timeout_s), "PANOPTES_SNMP_RETRIES": "2", "PANOPTES_SNMP_JITTER": "0"}
    env = {"SNMP_COMMUNITY": community, **limits}
    return CliRunner().invoke(main, [str(one) for one in arguments], env=env, catch_exceptions=False)


def requests(result: Result) -> list[re.Match[str]]:
    return [found for line in result.stderr.splitlines() if (found := LINE.fullmatch(line))]


def test_explain_shows_each_request_in_its_place(profiles: Path) -> None:
    with served(FEW) as target:
        result = run("poll", target, "--profiles", profiles, "--profile", "small", "--explain")
    assert result.exit_code == 0
    shown = [line for line in result.stderr.splitlines() if not line.startswith("  ")]
    assert shown[:5] == [
        "profile: small (asked for)",
        "first poll",
        "scalars: sysUpTime.0, snmpEngineBoots.0",
        "table: port.octets_in, port.octets_out",
        "later poll",
    ]
    found = requests(result)
    assert found[0]["asked"] == "get sysUpTime.0 +1"
    assert re.fullmatch(r"getbulk \S+ \+\d+ x\d+", found[1]["asked"])
    assert {(one["try_"], one["outcome"]) for one in found} == {("1", "ok")}
    assert all(int(one["out"]) > 0 < int(one["in_"]) for one in found)
    packets = re.search(r"packets: (\d+) for the first poll, (\d+) for each later one", result.stderr)
    assert packets
    assert len(found) == int(packets[1]) + int(packets[2])
    assert "1.3.6.1.2.1.31.1.1.1.6  port.octets_in" in result.stderr
    assert "ports: 12 rows" in result.stdout


def test_explain_shows_the_request_that_finds_the_profile() -> None:
    with served(FEW) as target:
        lines = run("poll", target, "--explain").stderr.splitlines()
    assert lines[0] == "scalars: sysObjectID.0, sysDescr.0"
    assert lines[1].startswith("  get sysObjectID.0 +1 ")
    told = next(place for place, line in enumerate(lines) if line.startswith("profile: cisco-ios-xe (sysObjectID "))
    assert lines[2].startswith("what follows: ")
    assert [line.split()[0] for line in lines[2:told] if line.startswith("  get")] == ["getnext"]
    assert lines[told + 1].startswith("standard MIBs found: IF-MIB, ")
    assert lines[told + 2] == "first poll"


def test_a_lost_request_is_shown_with_the_try_that_made_up_for_it(profiles: Path) -> None:
    with served(dataclasses.replace(FEW, drops_every=2)) as target:
        result = run("poll", target, "--profiles", profiles, "--profile", "small", "--explain", timeout_s=0.5)
    assert result.exit_code == 0
    found = requests(result)
    lost = next(place for place, one in enumerate(found) if one["outcome"] == "timeout")
    assert (found[lost]["try_"], found[lost]["in_"], found[lost]["values"]) == ("1", "0", "0")
    assert (found[lost + 1]["try_"], found[lost + 1]["outcome"]) == ("2", "ok")
    assert found[lost + 1]["asked"] == found[lost]["asked"]


@pytest.mark.parametrize(
    "device",
    [
        pytest.param(dataclasses.replace(FEW, silent=True), id="silent"),
        pytest.param(dataclasses.replace(FEW, community="changed"), id="another-community"),
    ],
)
def test_a_poll_without_answer_shows_its_tries_and_then_what_to_check(device: SimulatedDevice) -> None:
    with served(device) as target:
        result = run("poll", target, "--explain", timeout_s=0.1)
    assert (result.exit_code, result.stdout) == (1, "")
    assert [(one["try_"], one["outcome"]) for one in requests(result)] == [
        ("1", "timeout"), ("2", "timeout"), ("3", "timeout"),
    ]  # fmt: skip
    *_, packets, advice = result.stderr.splitlines()
    assert packets == "packets: 3 sent, 0 received"
    assert advice.startswith(f"error: {target}: no answer")
    assert [word for word in ("ACL", "firewall", "community") if word not in advice] == []


def test_without_explain_only_the_advice_is_shown() -> None:
    with served(dataclasses.replace(FEW, silent=True)) as target:
        result = run("poll", target, timeout_s=0.05)
    assert len(result.stderr.splitlines()) == 1


def test_a_device_that_answers_but_shows_nothing_makes_one_look_at_the_view(profiles: Path) -> None:
    with served(FEW) as target:
        result = run("poll", target, "--profiles", profiles, "--profile", "absent")
    assert "profile absent finds nothing on this device" in result.stderr
    assert "check the view" in result.stderr


def test_a_recording_is_explained_without_requests(tmp_path: Path) -> None:
    with served(FEW) as target:
        assert run("walk", target, "-o", tmp_path / "walk.snmprec").exit_code == 0
    result = run("poll", "--walk", tmp_path / "walk.snmprec", "--explain")
    assert result.exit_code == 0
    assert requests(result) == []
    assert {"first poll", "later poll"}.isdisjoint(result.stderr.splitlines())
    assert result.stderr.startswith("profile: cisco-ios-xe (")
    assert "for the first poll" in result.stderr


def login(**options: object) -> Login:
    given = {"community_file": None, "v1": False, "user": None, "auth": "none", "priv": "none", "context": ""}
    return Login(**{**given, "site": None, "deadline_s": 5.0, **options})  # type: ignore[arg-type]


def test_the_context_goes_with_the_user() -> None:
    assert credential_of(login(user="noc", context="vlan-10")) == UsmUser(name="noc", context="vlan-10")


@pytest.mark.parametrize("command", ["poll", "walk"])
@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param(["--context", "vlan-10"], "name it with --v3 USER", id="context-without-user"),
        pytest.param(["--priv", "aes128"], "name it with --v3 USER", id="privacy-without-user"),
        pytest.param(["--v3", "noc", "--site", "fra1"], "expected one of the two", id="user-and-site"),
        pytest.param(["--v3", "noc", "--auth", "sha1"], "auth_key of at least 8 characters", id="short-key"),
    ],
)
def test_options_that_would_be_ignored_or_refused_are_named_before_anything_is_sent(
    command: str, options: list[str], complaint: str
) -> None:
    arguments = [command, "192.0.2.17", *options]
    result = CliRunner().invoke(main, arguments, input="short\n", catch_exceptions=False)
    assert (result.exit_code, complaint in result.stderr) == (2, True), result.stderr
