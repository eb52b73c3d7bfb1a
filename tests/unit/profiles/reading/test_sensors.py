"""Sensors by ENTITY-SENSOR-MIB and CISCO-ENTITY-SENSOR-MIB: one that has failed is seen, and has no reading."""

from typing import Any

import pytest

from pollers.profiles.authoring.present import json_rows
from pollers.profiles.language.absent import Absent
from pollers.profiles.loading.library import read_library
from pollers.profiles.reading.collect import samples_of
from pollers.profiles.reading.convert import bounded
from pollers.profiles.reading.plan import make_plan
from tests.unit.profiles.bench import read, session_of

ENTITY = "1.3.6.1.2.1.99.1.1.1"
CISCO = "1.3.6.1.4.1.9.9.91.1.1.1.1"
ENVMON = "1.3.6.1.4.1.9.9.13.1.3.1"
LIBRARY = read_library()


def sensor(table: str, index: int, name: str, kind: int, status: int | None) -> str:
    """Return the lines of a sensor that reads 41.5."""
    cells = {1: kind, 2: 9, 3: 1, 4: 415} | ({5: status} if status else {})
    lines = [f"1.3.6.1.2.1.47.1.1.1.1.7.{index}|4|{name}\n"]
    return "".join(lines + [f"{table}.{column}.{index}|2|{value}\n" for column, value in cells.items()])


def rows(profile: str, lines: str) -> list[dict[str, Any]]:
    reading = read(LIBRARY, session_of(lines), profile)
    samples = samples_of(make_plan(LIBRARY.profiles[profile]), reading.frames, reading.clock)
    return [
        row for sample in samples for row in json_rows(profile, sample) if row["group"] in {"temperature", "voltage"}
    ]


@pytest.mark.parametrize(
    ("profile", "table"),
    [pytest.param("arista-eos", ENTITY, id="entity-sensor"), pytest.param("cisco-nxos", CISCO, id="cisco-sensor")],
)
@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        pytest.param(1, "ok", None, id="ok"),
        pytest.param(2, "unknown", "condition-not-met", id="unavailable"),
        pytest.param(3, "failed", "condition-not-met", id="failed"),
        pytest.param(None, None, None, id="no-status"),
    ],
)
def test_a_failed_sensor_keeps_its_row_and_says_why_it_has_no_reading(
    profile: str, table: str, status: int | None, state: str | None, reason: str | None
):
    found = rows(profile, sensor(table, 7, "Inlet", 8, status) + sensor(table, 8, "Supply", 4, status))
    assert [(row["group"], row["row"]) for row in found] == [("temperature", "Inlet"), ("voltage", "Supply")]
    for row, name in zip(found, ("temperature", "voltage"), strict=True):
        assert row["states"] == ({"sensor_state": state} if state else {})
        assert row["gauges"] == ({} if reason else {name: 41.5})
        assert row["missing"].get(name) == reason


def test_a_failed_sensor_hides_none_of_the_chassis():
    chassis = f"{ENVMON}.2.1|4|Chassis\n{ENVMON}.3.1|66|40\n{ENVMON}.6.1|2|1\n"
    found = rows("cisco-ios", sensor(CISCO, 7, "Inlet", 8, 3) + chassis)
    assert {row["row"]: row["gauges"] for row in found} == {"Inlet": {}, "Chassis": {"temperature": 40}}


@pytest.mark.parametrize(
    ("celsius", "expected", "reason"),
    [
        pytest.param(41, {"temperature": 41}, None, id="warm"),
        pytest.param(-40, {"temperature": -40}, None, id="cold"),
        pytest.param(65535, {}, "implausible", id="all-ones"),
        pytest.param(-273, {}, "implausible", id="not-fitted"),
    ],
)
def test_a_reading_that_no_sensor_can_have_is_dropped_and_its_row_stays(
    celsius: int, expected: dict[str, float], reason: str | None
):
    chassis = f"{ENVMON}.2.1|4|Chassis\n{ENVMON}.3.1|2|{celsius}\n{ENVMON}.6.1|2|1\n"
    (row,) = rows("cisco-ios", chassis)
    assert (row["gauges"], row["states"]) == (expected, {"sensor_state": "ok"})
    assert row["missing"].get("temperature") == reason


def test_a_computed_reading_is_held_to_its_unit_as_well():
    (row,) = rows("arista-eos", sensor(ENTITY, 7, "Inlet", 8, 1).replace("|415\n", "|99999\n"))
    assert (row["gauges"], row["missing"]["temperature"]) == ({}, "implausible")


@pytest.mark.parametrize(
    ("name", "unit", "value", "expected"),
    [
        pytest.param("cpu_utilization", "percent", 100, 100, id="full"),
        pytest.param("cpu_utilization", "percent", 4294967295, "implausible", id="minus-one-without-a-sign"),
        pytest.param("output_load", "percent", 120, 120, id="an-overload-is-none"),
        pytest.param("memory_used", "bytes", -4096, "implausible", id="less-than-nothing"),
        pytest.param("rotation", "rpm", 65535, "implausible", id="all-ones"),
        pytest.param("light", "dBm", -214748.36, "implausible", id="the-least-integer"),
        pytest.param("sessions", "sessions", 10**12, 10**12, id="a-unit-without-bounds"),
    ],
)
def test_what_is_implausible_goes_by_metric_and_unit(name: str, unit: str, value: float, expected: float | str):
    cell = bounded(value, name, unit)
    assert (str(cell.reason) if isinstance(cell, Absent) else cell) == expected
