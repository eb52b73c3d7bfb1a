"""The SNMP benchmark's own sums: a wrong value of any round is seen, and the tables say what was compared."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.bench.pipeline.fleet import address, configuration
from tests.bench.snmp import __main__ as bench
from tests.bench.snmp import report, telegraf
from tests.bench.snmp.collect import COLUMNS, digest
from tests.bench.snmp.watched import Figures


def figures(**checksums: int) -> Figures:
    return Figures("one", "v1 (rest)", 2, 1440, [1.25, 1.5], 2**20, checksums)


@pytest.mark.parametrize(
    "checksums",
    [
        pytest.param({"walk": 8, "known": 7}, id="walk-differs"),
        pytest.param({"walk": 7, "known": 8}, id="known-rows-differ"),
    ],
)
def test_a_round_with_other_values_stops_the_run(checksums: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "native_checksum", lambda _port, _devices: 7)
    bench.check(figures(walk=7, known=7), 161)
    with pytest.raises(RuntimeError, match="other values"):
        bench.check(figures(**checksums), 161)


def test_the_table_names_the_rounds_that_were_compared() -> None:
    row = report.clients([figures(walk=7, known=7)])[4]
    assert row == "| one | v1 | 2 | 1.25 \N{EN DASH} 1.50 | 1.0 | 1 MiB | walk, known |  |"


def test_telegraf_is_told_to_spread_its_polls_by_an_input_for_each_device() -> None:
    at_once = telegraf.Run(Path("telegraf"), devices=3, port=161, rounds=1, interval_s=10)
    told = [tomllib.loads(telegraf.configuration(run, "")) for run in (at_once, at_once._replace(spread=True))]
    assert [len(each["inputs"]["snmp"]) for each in told] == [1, 3]
    assert [each["agent"].get("collection_jitter") for each in told] == [None, "10s"]
    asked = [[agent for one in each["inputs"]["snmp"] for agent in one["agents"]] for each in told]
    assert asked[0] == asked[1] == [f"udp://{address(n)}:161" for n in range(3)]


def test_lines_of_telegraf_have_the_checksum_of_their_values() -> None:
    line = f"if,agent_host=udp://{address(1)}:1161,index=9 c0=5i,c14=1i 1700000000000000000"
    expected = (digest(1, COLUMNS[0], "9", 5) + digest(1, COLUMNS[14], "9", 1)) % 2**64
    assert telegraf.line_checksum([line], 2) == expected


@pytest.mark.parametrize(
    ("grown", "expected"),
    [
        pytest.param([(100, 50_000), (1100, 2_050_000)], 2000, id="growth-for-each-device-more"),
        pytest.param([(100, 50_000)], None, id="one-size"),
        pytest.param([], None, id="none"),
    ],
)
def test_bytes_of_an_idle_device(grown: list[tuple[int, int]], expected: int | None) -> None:
    runs: list[dict[str, Any]] = [{"devices": n, "idle_growth_bytes": size} for n, size in grown]
    assert report.idle_bytes(runs) == expected


def test_devices_are_discovered_only_where_a_list_is_given() -> None:
    assert "[discovery:bench]" not in configuration("/state")
    assert "path = /list" in configuration("/state", 10, "/list")


@pytest.mark.parametrize("value", ["0", "-1", "x"])
def test_a_number_that_makes_no_run_is_refused_by_name(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench", f"--intervals={value}"])
    with pytest.raises(SystemExit):
        bench.main()
    assert f"--intervals: expected a whole number of at least 1, found '{value}'" in capsys.readouterr().err
