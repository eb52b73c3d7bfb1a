"""Devices that say one thing and answer another: what is wrong is absent, and the rest is there."""

import asyncio
from typing import Any

from pollers.profiles.authoring.present import json_rows
from pollers.profiles.loading.library import read_library
from pollers.profiles.reading.collect import samples_of
from pollers.profiles.reading.plan import make_plan
from streams.cli.devices.poll import poll_once
from tests.unit.profiles.bench import read, session_of

BUILT_IN = read_library()
IF = "1.3.6.1.2.1.2.2.1"
HOST = "1.3.6.1.2.1.25.3.3.1.2.1|2|12\n"


def polled(walk: str) -> tuple[str, dict[str, list[dict[str, Any]]]]:
    done = asyncio.run(poll_once(session_of(walk), BUILT_IN, None, explain=False))
    return done.profile, {sample.group: list(json_rows(done.profile, sample)) for sample in done.poll.samples}


def test_a_device_that_claims_another_vendors_sys_object_id_gives_what_it_has():
    claimed = "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.12356.101.1.1000\n"
    profile, found = polled(f"{claimed}{IF}.10.1|65|100\n{HOST}1.3.6.1.4.1.9.9.48.1.1.1.2.1|4|Processor\n"
        "1.3.6.1.4.1.9.9.48.1.1.1.5.1|66|100\n1.3.6.1.4.1.9.9.48.1.1.1.6.1|66|300\n")  # fmt: skip
    assert (profile, set(found)) == ("fortinet-fortigate", {"interface", "cpu", "memory"})
    assert [row["gauges"]["cpu_utilization"] for row in found["cpu"]] == [12]
    assert [row["gauges"]["memory_utilization"] for row in found["memory"]] == [25]


def test_a_vendors_table_answered_half_gives_the_half_and_says_what_is_missing():
    card = "1.3.6.1.4.1.3320.3.6.10.1"
    profile, found = polled(
        f"1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.3320.1.183.0\n{card}.11.0|66|14\n{card}.11.1|66|20\n{card}.13.1|66|46\n"
    )
    assert profile == "bdcom"
    assert [(row["row"], row["gauges"]) for row in found["cpu"]] == [
        ("card 0", {"cpu_utilization": 14}),
        ("card 1", {"cpu_utilization": 20}),
    ]
    assert [(row["row"], row["gauges"]) for row in found["temperature"]] == [("card 1", {"temperature": 46})]
    assert "memory" not in found


def test_a_table_that_breaks_off_leaves_its_last_rows_without_the_columns_that_were_not_reached():
    reading = read(BUILT_IN, session_of(f"{IF}.10.1|65|7\n{IF}.10.2|65|8\n{IF}.16.1|65|9\n"), "if-mib")
    (sample,) = samples_of(make_plan(BUILT_IN.profiles["if-mib"]), reading.frames, reading.clock)
    first, second = json_rows("if-mib", sample)
    assert (first["counters"]["octets_in"], first["counters"]["octets_out"]) == (7, 9)
    assert (second["counters"]["octets_in"], second["missing"]["octets_out"]) == (8, "not-answered")


def test_a_counter_that_a_vendor_serves_as_a_gauge_is_a_counter_all_the_same():
    _profile, found = polled(f"1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1\n{IF}.10.1|66|100\n{IF}.16.1|2|200\n")
    (row,) = found["interface"]
    assert (row["counters"]["octets_in"], row["counters"]["octets_out"]) == (100, 200)
    assert not {"octets_in", "octets_out"} & row["gauges"].keys()


def test_a_gauge_that_a_vendor_serves_as_a_counter_is_a_gauge_all_the_same():
    _profile, found = polled("1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.3097.1.5.40\n1.3.6.1.4.1.3097.6.3.78.0|65|225\n")
    assert [row["gauges"] for row in found["cpu"]] == [{"cpu_utilization": 2.25}]
