"""Values that a profile makes of rates: declared with the sample, worked out where the rates are."""

import math

import pytest

from pollers.profiles.authoring.recording import RecordedSession, read_recording
from pollers.profiles.loading.library import read_library
from pollers.profiles.reading.collect import samples_of
from pollers.profiles.reading.plan import make_plan
from pollers.profiles.reading.poll import read_device
from pollers.profiles.reading.state import DeviceState
from schemas.records import EnrichedResource, Job, RawCounters, Resource
from streams.gauges.fold.advance import advance
from streams.gauges.fold.plan import Rules
from streams.gauges.samples.sample import DecodedSample, from_record
from streams.polling.results import raw_counters

HOST = Resource(
    site="lab",
    resource_class="system",
    resource_subclass="host",
    resource_type="linux",
    resource_id="h1",
    endpoint="192.0.2.1",
    plugins=["test"],
    first_seen_ms=0,
    last_seen_ms=0,
)
PROFILE = read_library().profiles["ucd-snmp"]
TIMES = {"user": 50, "nice": 51, "system": 52, "idle": 53}


async def poll(slot: int, uptime_cs: int, times: dict[str, int]) -> RawCounters:
    lines = [f"1.3.6.1.2.1.1.3.0|67|{uptime_cs}"]
    lines += [f"1.3.6.1.4.1.2021.11.{TIMES[name]}.0|65|{ticks}" for name, ticks in times.items()]
    session = RecordedSession(read_recording("\n".join(lines), "bench"))
    plan = make_plan(PROFILE)
    reading = await read_device(session, DeviceState(plan=plan), slot * 1_000)
    (sample,) = [one for one in samples_of(plan, reading.frames, reading.clock) if one.group == "cpu"]
    job = Job(plugin="snmp", profile="ucd-snmp", interval_s=60)
    return raw_counters(EnrichedResource(resource=HOST, enrichments={}, jobs=[job], jobs_since_ms=0), job, slot, sample)


async def fold(*polls: RawCounters) -> tuple[float, str | None]:
    state, rows = None, None
    for record in polls:
        sample: DecodedSample = from_record(record)
        step = advance(state, sample, Rules())
        state, rows = step.state, step.rows
    assert rows is not None
    return float(rows.numbers[rows.names.index("cpu_utilization")][0]), dict(rows.missing.get(0, ())).get(
        "cpu_utilization"
    )


FULL = {"user": 100, "nice": 0, "system": 100, "idle": 800}


async def test_a_share_of_rates_is_worked_out_from_two_polls():
    later = {"user": 1_100, "nice": 0, "system": 1_100, "idle": 4_800}
    utilization, missing = await fold(await poll(60, 6_000, FULL), await poll(120, 12_000, later))
    assert utilization == pytest.approx(100 * 2_000 / 6_000)
    assert missing is None


async def test_the_first_poll_says_why_there_is_no_share():
    utilization, missing = await fold(await poll(60, 6_000, FULL))
    assert math.isnan(utilization)
    assert missing == "first-sample"


async def test_an_operand_that_the_device_lacks_is_the_reason():
    lacking = {name: ticks for name, ticks in FULL.items() if name != "idle"}
    utilization, missing = await fold(await poll(60, 6_000, lacking), await poll(120, 12_000, lacking))
    assert math.isnan(utilization)
    assert missing == "no-such-instance"


async def test_a_device_that_did_nothing_has_no_share_but_a_reason():
    utilization, missing = await fold(await poll(60, 6_000, FULL), await poll(120, 12_000, FULL))
    assert math.isnan(utilization)
    assert missing == "division-by-zero"
