"""Rows keep their keys while states and indexes change, and numbers are such as people write."""

from typing import Any

import pytest

from pollers.profiles.authoring.present import text_rows
from tests.unit.profiles.bench import ROOT, problems, rows, samples
from tests.unit.profiles.loading.test_families import rows_of

ENVMON = "1.3.6.1.4.1.9.9.13.1"
PROCESSOR, STORAGE = "1.3.6.1.2.1.25.3.3.1.2", "1.3.6.1.2.1.25.2.3.1"
ENTITY, PROCESS = "1.3.6.1.2.1.47.1.1.1.1", "1.3.6.1.4.1.9.9.109.1.1.1.1"
JUNIPER = "1.3.6.1.4.1.2636.3.1.13.1"


@pytest.mark.parametrize(
    ("table", "group", "text", "key"),
    [
        ("3", "temperature", "SW#1, Sensor#1, {}", "SW#1, Sensor#1"),
        ("4", "fan", "Switch#1, Fan#2, {}", "Switch#1, Fan#2"),
        ("5", "power", "PS1 {}", "PS1"),
        ("5", "power", "Sw1, PS1 {}, RPS NotExist", "Sw1, PS1"),
        ("5", "power", "Power Supply 1 is {}", "Power Supply 1"),
        ("5", "power", "Power Supply 1, WS-CAC-3000W", "Power Supply 1, WS-CAC-3000W"),
    ],
)
def test_a_ciscos_part_is_known_by_its_name_whatever_its_state(table: str, group: str, text: str, key: str):
    for word in ("Normal", "YELLOW", "Faulty", "Not Present"):
        name = text.format(word).encode().hex()
        found = rows_of("cisco-ios", f"{ENVMON}.{table}.1.2.1|4x|{name}\n{ENVMON}.{table}.1.3.1|2|1\n")
        assert (group, key) in found


def processors(first: int) -> str:
    return "".join(f"{PROCESSOR}.{first + place}|2|{place}\n" for place in range(3))


@pytest.mark.parametrize("profile", ["linux", "arista-eos", "host"])
def test_a_processor_is_known_by_its_place_whatever_its_index(profile: str):
    for first in (196608, 7):
        found = rows_of(profile, processors(first))
        assert [row for group, row in found if group == "cpu"] == ["CPU 0", "CPU 1", "CPU 2"]
        assert found["cpu", "CPU 2"]["gauges"] == {"cpu_utilization": 2}


def part(index: int, kind: int, name: str, inside: int, position: int) -> str:
    cells = {4: f"2|{inside}", 5: f"2|{kind}", 6: f"2|{position}", 7: f"4|{name}"}
    return "".join(f"{ENTITY}.{column}.{index}|{cell}\n" for column, cell in cells.items())


def test_a_cpus_module_is_the_slot_of_the_module_that_has_it():
    walk = ""
    for slot in (3, 4):
        walk += part(slot, 5, f"slot {slot}", 1, slot) + part(slot * 10, 9, "Line card", slot, 1)
        walk += part(slot * 100, 12, f"CPU of card {slot}", slot * 10, 1)
        walk += f"{PROCESS}.2.{slot}|2|{slot * 100}\n{PROCESS}.8.{slot}|66|5\n"
    walk += f"{PROCESS}.2.9|2|30\n{PROCESS}.8.9|66|7\n"
    found = {row: entry for (group, row), entry in rows_of("cisco-nxos", walk).items() if group == "cpu"}
    assert {row: entry["dimensions"]["module"] for row, entry in found.items()} == {
        "CPU of card 3": "Module 3",
        "CPU of card 4": "Module 4",
        "Module 3: Line card": "Module 3",
    }


def volumes(*names: str) -> str:
    """Return rows of hrStorageTable: name=type:size:used, in KiB."""
    lines = []
    for row, text in enumerate(names, start=1):
        name, kind, size, used = text.split("=")
        cells = {2: f"6|1.3.6.1.2.1.25.2.1.{kind}", 3: f"4|{name}", 4: "2|1024", 5: f"2|{size}", 6: f"2|{used}"}
        lines += [f"{STORAGE}.{column}.{row}|{cell}\n" for column, cell in cells.items()]
    return "".join(lines)


@pytest.mark.parametrize(
    ("walk", "memory", "storage"),
    [
        pytest.param(
            volumes("RAM=2=1000=900", "RAM (Buffers)=2=1000=100", "RAM (Cache)=2=1000=300", "/var/core=2=50=5"),
            {"RAM": 500 * 1024},
            {"/var/core": 5 * 1024},
            id="arista",
        ),
        pytest.param(
            volumes("Physical memory=2=1000=900", "Memory buffers=1=1000=100", "Cached memory=1=300=300",
                    "Shared memory=1=20=20", "Swap space=3=64=1", "/=4=99=9"),
            {"Physical memory": 500 * 1024, "Swap space": 1024},
            {"/": 9 * 1024},
            id="net-snmp",
        ),
        pytest.param(
            volumes("Physical Memory=2=1000=900", "C:\\=4=10=3"),
            {"Physical Memory": 900 * 1024},
            {"C:\\": 3 * 1024},
            id="without-caches",
        ),
        pytest.param(
            volumes("Physical memory=2=1000=90", "Cached memory=1=300=300"),
            {"Physical memory": 90 * 1024},
            {},
            id="caches-that-are-not-counted-as-used",
        ),
    ],
)  # fmt: skip
def test_memory_is_without_caches_and_volumes_are_no_memory(
    walk: str, memory: dict[str, float], storage: dict[str, float]
):
    found = rows_of("arista-eos", walk)
    assert {row: each["gauges"]["memory_used"] for (group, row), each in found.items() if group == "memory"} == memory
    assert {
        row: each["gauges"]["storage_used"] for (group, row), each in found.items() if group == "storage"
    } == storage


def component(index: str, name: str, **cells: str) -> str:
    lines = {5: f"4|{name}", **{int(key[1:]): value for key, value in cells.items()}}
    return "".join(f"{JUNIPER}.{column}.{index}|{cell}\n" for column, cell in lines.items())


def test_bytes_made_of_a_percentage_are_whole_and_say_so():
    found = rows_of("juniper", component("9.1.0.0", "Routing Engine 0", c11="66|14", c15="66|3584", c8="66|1"))
    memory = found["memory", "Routing Engine 0"]
    assert memory["gauges"]["memory_used"] == 14 * 3584 * 1048576 // 100
    assert memory["dimensions"]["derived"] == "memory_used"


def test_a_fan_tray_is_no_fan():
    walk = component("4.1.0.0", "Fan Tray 0 @ 0/0/*", c6="2|2") + component("4.2.0.0", "Fan Tray 1", c6="2|6")
    walk += component("4.1.1.0", "Fan Tray 0 Fan 1", c6="2|5") + component("4.9.0.0", "node0 SRX fan 1", c6="2|2")
    found = rows_of("juniper", walk)
    fans = {row: each["states"] for (group, row), each in found.items() if group == "fan"}
    assert fans == {"Fan Tray 0 Fan 1": {"fan_state": "ok"}, "node0 SRX fan 1": {"fan_state": "ok"}}
    trays = {row: each["states"]["fan_tray_state"] for (group, row), each in found.items() if group == "fan_tray"}
    assert trays == {"Fan Tray 0 @ 0/0/*": "ok", "Fan Tray 1": "failed"}
    counts = found["environment", "0"]["gauges"]
    assert counts == {"fans_total": 2, "fans_ok": 2, "fan_trays_total": 2, "fan_trays_ok": 1}


@pytest.mark.parametrize(
    ("scale", "raw", "value"),
    [("0.1", 3, 0.3), ("0.01", 57, 0.57), ("0.001", 4035, 4.035), ("0.3", 3, 0.9), ("10", 3, 30), ("0.1", 10, 1)],
)
def test_a_scaled_number_is_written_as_people_do(scale: str, raw: int, value: float):
    profile = "profile: p\ntables: {t: {columns: {v: {oid: #.1, scale: %s}}}}\nemit: {g: t}\n" % scale  # noqa: UP031
    (row,) = rows(profile, f"#.1.1|2|{raw}")
    assert repr(row["gauges"]["v"]) == repr(value)


@pytest.mark.parametrize(("expr", "value"), [("a / 10 + b / 10", 0.3), ("a * 1.1", 1.1), ("1 / 3", 0.333333333333333)])
def test_a_computed_number_is_written_as_people_do(expr: str, value: float):
    profile = (
        f"profile: p\ntables: {{t: {{columns: {{a: #.1, b: #.2}}}}}}\ncomputed: {{t.v: '{expr}'}}\nemit: {{g: t}}\n"
    )
    (row,) = rows(profile, "#.1.1|2|1\n#.2.1|2|2")
    assert repr(row["gauges"]["v"]) == repr(value)


LIKE = """\
profile: p
tables:
  a:
    row: [n]
    when: "kind == 1"
    columns: {n: {use: tag, oid: #.1.1}, kind: {use: reference, oid: #.1.2}, v: #.1.3}
  b: {like: a, when: "kind == 2", columns: {v: null, w: #.1.3}}
emit: {ga: a, gb: b}
"""


def test_a_table_like_another_takes_over_what_it_does_not_say():
    found = rows(LIKE, "#.1.1.1|4|x\n#.1.2.1|2|1\n#.1.3.1|2|5\n#.1.1.2|4|y\n#.1.2.2|2|2\n#.1.3.2|2|6")
    shown: list[tuple[str, str, dict[str, Any]]] = [(row["group"], row["row"], row["gauges"]) for row in found]
    assert shown == [("ga", "x", {"v": 5}), ("gb", "y", {"w": 6})]


@pytest.mark.parametrize("other", ["c", "b"], ids=["no-such-table", "itself"])
def test_a_table_can_only_be_like_a_plain_one(other: str):
    (problem,) = problems(LIKE.replace("like: a", f"like: {other}").replace("v: null, w", "n: #.1.1, kind: #.1.2, w"))[
        :1
    ]
    assert "p0.yaml:7: tables.b.like: expected a table of this profile that is not like another itself" in problem


def test_row_number_is_no_name_for_anything_else():
    text = f"profile: p\ntables: {{t: {{columns: {{row_number: {ROOT}.1}}}}}}\nemit: {{g: t}}\n"
    assert any("tables.t.row_number: expected each name once" in problem for problem in problems(text))


@pytest.mark.parametrize(
    ("expr", "shown"),
    [
        ("1 / 3", "v=0.333333"),
        ("10000000 / 3", "v=3,333,333.3"),
        ("a * 1000000", "v=1,000,000"),
        ("0 - a / 8", "v=-0.125"),
    ],
)
def test_people_are_shown_six_digits_and_all_whole_ones(expr: str, shown: str):
    profile = f"profile: p\ntables: {{t: {{columns: {{a: #.1}}}}}}\ncomputed: {{t.v: '{expr}'}}\nemit: {{g: t}}\n"
    (line,) = [line for line in text_rows(samples(profile, "#.1.1|2|1"), "p") if line.startswith("  1:")]
    assert shown in line.split()
