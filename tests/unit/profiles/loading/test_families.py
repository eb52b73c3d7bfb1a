"""Devices that no recording has, made by hand from the MIBs, get the groups, values and units of their family."""

from typing import Any

import pytest

from pollers.profiles.authoring.present import json_rows
from pollers.profiles.loading.library import read_library
from pollers.profiles.reading.collect import samples_of
from pollers.profiles.reading.plan import make_plan
from tests.unit.profiles.bench import read, session_of

BUILT_IN = read_library()


def rows_of(profile: str, walk: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what a poll of the walk gives, by group and row."""
    reading = read(BUILT_IN, session_of(walk), profile)
    found = samples_of(make_plan(BUILT_IN.profiles[profile]), reading.frames, reading.clock)
    return {(sample.group, row["row"]): row for sample in found for row in json_rows(profile, sample)}


def test_a_juniper_firewall_with_a_description_of_its_own_has_sessions_and_bgp_peers():
    spu, peer = "1.3.6.1.4.1.2636.3.39.1.12.1.1.1", "1.3.6.1.4.1.2636.5.1.1.2.1.1.1"
    rows = rows_of(
        "juniper",
        f"""\
        {spu}.2.0|66|0
        {spu}.3.0|66|0
        {spu}.4.0|66|7
        {spu}.6.0|66|1000
        {spu}.7.0|66|64000
        {spu}.11.0|4|single
        {peer}.2.0.1.10.0.0.1.1.10.0.0.2|2|6
        """,
    )
    assert rows["firewall_session", "single fpc0 spu0"]["gauges"] == {
        "spu_cpu_utilization": 7, "sessions": 1000, "sessions_limit": 64000, "session_utilization": 1.5625
    }  # fmt: skip
    assert rows["bgp_peer", "10.0.0.2"]["states"] == {"peer_state": "established"}


def test_what_a_juniper_device_has_not_is_no_row():
    rows = rows_of("juniper", "1.3.6.1.2.1.2.2.1.10.1|65|100")
    assert {group for group, _ in rows} == {"interface"}


def test_a_ciena_packet_switch_has_cpu_temperature_fans_and_power():
    chassis = "1.3.6.1.4.1.1271.2.1.5.1.2.1"
    rows = rows_of(
        "ciena-ces",
        f"""\
        {chassis}.1.1.1.2.1|2|1
        {chassis}.1.1.1.9.1|4|PSA
        {chassis}.2.1.1.3.1.2|2|3
        {chassis}.2.1.1.5.1.2|2|9100
        {chassis}.2.1.1.9.1.2|4|FAN1-2
        {chassis}.3.2.1.3.1.1|4|inlet
        {chassis}.3.2.1.4.1.1|2|28
        {chassis}.4.5.1.3.1.2|2|2
        {chassis}.4.5.1.4.1.2|66|13
        """,
    )
    assert rows["power", "PSA"]["states"] == {"power_state": "ok"}
    fan = rows["fan", "FAN1-2"]
    assert (fan["states"], fan["gauges"], fan["units"]) == (
        {"fan_state": "warning"},
        {"fan_speed": 9100},
        {"fan_speed": "rpm"},
    )
    assert rows["temperature", "inlet"]["gauges"] == {"temperature": 28}
    assert rows["cpu", "slot 2"]["gauges"] == {"cpu_utilization": 13}
    assert rows["cpu", "slot 2"]["dimensions"] == {"cpu_name": "slot 2", "slot": "2", "vendor": "ciena"}


SENSOR, ENVMON, NAME = "1.3.6.1.4.1.9.9.91.1.1.1.1", "1.3.6.1.4.1.9.9.13.1.3.1", "1.3.6.1.2.1.47.1.1.1.1.7"
CHASSIS = f"{ENVMON}.2.1|4|SW 1, Sensor 1, GREEN\n{ENVMON}.3.1|66|41\n{ENVMON}.6.1|2|1\n"


def sensor(index: int, name: str, tenths: int) -> str:
    cells = {1: 8, 2: 9, 3: 1, 4: tenths, 5: 1}
    lines = [f"{SENSOR}.{column}.{index}|2|{value}" for column, value in cells.items()]
    return "\n".join([*lines, f"{NAME}.{index}|4|{name}", ""])


@pytest.mark.parametrize(
    ("walk", "expected"),
    [
        pytest.param(CHASSIS, {"SW 1, Sensor 1": 41}, id="envmon-alone"),
        pytest.param(
            CHASSIS + sensor(7, "Te1/49 Module Temperature Sensor", 305),
            {"Te1/49 Module Temperature Sensor": 30.5, "SW 1, Sensor 1": 41},
            id="beside-a-transceiver",
        ),
        pytest.param(
            CHASSIS + sensor(7, "Ethernet1/1 Transceiver Temperature Sensor", 305) + sensor(8, "Switch 1 Inlet", 220),
            {"Ethernet1/1 Transceiver Temperature Sensor": 30.5, "Switch 1 Inlet": 22},
            id="the-sensor-table-has-the-chassis",
        ),
    ],
)
def test_a_catalysts_chassis_temperature_is_there_once(walk: str, expected: dict[str, float]):
    rows = rows_of("cisco-ios", walk)
    found = {row: entry["gauges"]["temperature"] for (group, row), entry in rows.items() if group == "temperature"}
    assert found == expected


F5, A10, DISK = "1.3.6.1.4.1.3375.2.1", "1.3.6.1.4.1.22610.2.4.3", "1.3.6.1.4.1.2021.9.1"


@pytest.mark.parametrize(
    ("profile", "walk", "group", "row", "expected"),
    [
        ("f5-bigip", f"{F5}.7.5.2.1.35.1.48.2|66|17", "cpu", "host 0 cpu 2", {"cpu_utilization": 17}),
        (
            "f5-bigip",
            f"{F5}.7.5.2.1.3.1.48.2|2|1\n{F5}.7.5.2.1.35.1.48.2|66|17",
            "cpu",
            "host 0 cpu 1",
            {"cpu_utilization": 17},
        ),
        (
            "f5-bigip",
            f"{F5}.3.2.1.2.1.2.3|2|0\n{F5}.3.2.1.2.1.3.3|66|9000",
            "fan",
            "3",
            {"fan_state": "failed", "fan_speed": 9000},
        ),
        ("f5-bigip", f"{F5}.3.2.2.2.1.2.1|2|1", "power", "1", {"power_state": "ok"}),
        ("f5-bigip", f"{F5}.3.2.3.2.1.2.1|66|31", "temperature", "1", {"temperature": 31}),
        (
            "f5-bigip",
            f"{F5}.7.3.2.1.1.1.47|4|/\n{F5}.7.3.2.1.2.1.47|2|4096\n{F5}.7.3.2.1.3.1.47|2|100\n{F5}.7.3.2.1.4.1.47|2|75",
            "storage",
            "/",
            {"storage_total": 409600, "storage_used": 102400, "storage_utilization": 25},
        ),
        (
            "a10",
            f"{A10}.1.2.1.0|70|12\n{A10}.1.2.2.0|70|900",
            "load_balancer",
            "0",
            {"connections": 12, "connections_opened": 900},
        ),
        (
            "a10",
            f"{A10}.4.2.1.1.2.1.4|4|web\n{A10}.4.2.1.1.10.1.4|2|2",
            "virtual_server",
            "web",
            {"server_state": "down"},
        ),
        (
            "ucd-snmp",
            f"{DISK}.2.1|4|/data\n{DISK}.6.1|2|2147483647\n{DISK}.8.1|2|8\n{DISK}.9.1|2|1\n{DISK}.11.1|66|1\n{DISK}.12.1|66|1",
            "storage",
            "/data",
            {"storage_total": 1024 * (2**32 + 1), "storage_used": 8192, "storage_utilization": 1},
        ),
    ],
)
def test_load_balancers_and_hosts_have_what_their_mibs_say(
    profile: str, walk: str, group: str, row: str, expected: dict[str, Any]
):
    found = rows_of(profile, walk)[group, row]
    assert {**found["gauges"], **found["counters"], **found["states"]} == expected
