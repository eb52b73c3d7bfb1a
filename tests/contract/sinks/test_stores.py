"""What the sinks write into real stores is what the stores answer when they are asked."""

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

import httpx
import pytest

from pollers.plugins.base import PluginContext
from pollers.plugins.batch import TryAgain, Written
from schemas.records import Gauge
from streams.runtime.plugins import NoAccess
from streams.sinks.reading.held import End
from streams.sinks.senders import agent_influx, agent_prometheus
from tests.contract.sinks.stores import Store
from tests.unit.sinks.batches import batch, decoding
from tests.unit.sinks.gauges import gauge

MINUTE_MS: Final = 60_000
NAME: Final = "panoptes_interface_octets_in_bytes_per_second"


@pytest.fixture
def device() -> str:
    return f"sw-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def begin_ms() -> int:
    """Half an hour ago, so that all of it is in the past, and no store finds it too old."""
    return (time.time_ns() // 10**6 - 30 * MINUTE_MS) // MINUTE_MS * MINUTE_MS


def polls(device: str, begin_ms: int, minutes: Sequence[int], **changes: Any) -> list[Gauge]:
    return [
        gauge(
            resource=f"fra1|network|switch|cisco|{device}",
            row=f"Gi0/{port}",
            slot=(begin_ms + minute * MINUTE_MS) // 1000,
            time_ms=begin_ms + minute * MINUTE_MS + port,
            **{"gauges": {"octets_in": 1e9 / 7 + minute * 1000 + port, "errors_in": minute / 3}, **changes},
        )
        for minute in minutes
        for port in range(3)
    ]


async def write(
    create: Callable[[PluginContext], Any], records: Sequence[Gauge], *ends: End, **options: str
) -> Written:
    """Return what became of the records, written by a sink of their own."""
    context = PluginContext(
        section="store",
        interval_s=0,
        options=options,
        snmp=NoAccess(),
        now_ms=lambda: time.time_ns() // 10**6,
    )
    sink = create(context)
    try:
        written: Written = await sink.write(batch(records, decoding(), *ends))
    finally:
        await sink.close()
    return written


async def ask(store: Store, path: str, **params: str) -> Any:
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.get(f"{store.url}{path}", params=params)
        response.raise_for_status()
        return response.json()


async def raw(store: Store, selector: str, at_ms: int) -> dict[tuple[str, int], float]:
    """Return the raw samples of the last hour before a time: (row, Unix milliseconds) -> value."""
    await flush(store)
    answer = await ask(store, "/api/v1/query", query=f"{selector}[1h]", time=f"{at_ms / 1000:.3f}", nocache="1")
    return {
        (one["metric"].get("row", ""), round(float(at_s) * 1000)): float(value)
        for one in answer["data"]["result"]
        for at_s, value in one["values"]
    }


async def now_at(store: Store, selector: str, at_ms: int) -> dict[str, float]:
    """Return what the series are at a time: row -> value."""
    await flush(store)
    answer = await ask(store, "/api/v1/query", query=selector, time=f"{at_ms / 1000:.3f}", nocache="1")
    return {one["metric"].get("row", ""): float(one["value"][1]) for one in answer["data"]["result"]}


async def flush(store: Store) -> None:
    """Make VictoriaMetrics show what it has taken; Prometheus has no such address and needs none."""
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.get(f"{store.url}/internal/force_flush")


def expected(records: Sequence[Gauge], name: str) -> dict[tuple[str, int], float]:
    return {(one.row, one.time_ms): one.gauges[name] for one in records}


async def test_what_was_written_is_read_back(promql, device, begin_ms):
    records = polls(device, begin_ms, range(20))
    written = await write(agent_prometheus.create, records, url=promql.url)
    assert written == Written(2 * len(records))
    until_ms = begin_ms + 20 * MINUTE_MS
    found = await raw(promql, f'{NAME}{{device="{device}"}}', until_ms)
    assert found == pytest.approx(expected(records, "octets_in"), rel=1e-9)
    states = await now_at(promql, f'panoptes_interface_oper_state{{device="{device}"}} == 1', until_ms)
    assert set(states) == {"Gi0/0", "Gi0/1", "Gi0/2"}


async def test_infos_can_be_joined_at_any_time(promql, device, begin_ms):
    records = polls(device, begin_ms, range(20))
    await write(agent_prometheus.create, records, url=promql.url)
    await flush(promql)
    join = f'{NAME}{{device="{device}"}} * on (site, device, row) group_left (alias) panoptes_interface_row_info'
    for minute in (1, 5, 10, 19):
        answer = await ask(promql, "/api/v1/query", query=join, time=str((begin_ms + minute * MINUTE_MS + 500) / 1000))
        assert [one["metric"]["alias"] for one in answer["data"]["result"]] == ["to the core"] * 3


async def test_repeats_do_no_harm(promql, device, begin_ms):
    records = polls(device, begin_ms, range(10))
    first = await write(agent_prometheus.create, records[:21], url=promql.url)
    again = await write(agent_prometheus.create, records, url=promql.url)
    assert first.stored == 42
    assert again.stored + again.repeats == 2 * len(records)
    assert again.refused == ()
    found = await raw(promql, f'{NAME}{{device="{device}"}}', begin_ms + 10 * MINUTE_MS)
    assert found == pytest.approx(expected(records, "octets_in"), rel=1e-9)


async def test_a_row_that_is_gone_ends_its_series_at_once(promql, device, begin_ms):
    records = polls(device, begin_ms, range(3))
    (last,) = polls(device, begin_ms, [3])[:1]
    missing = dict.fromkeys((*last.gauges, *last.states), "row-gone")
    fields = {"gauges": {}, "states": {}, "missing": missing, "duration_s": None}
    gone = polls(device, begin_ms, [3], **fields)[0]
    await write(agent_prometheus.create, [*records, gone], url=promql.url)
    selector, shortly_ms = f'{NAME}{{device="{device}"}}', begin_ms + 3 * MINUTE_MS + 1_000
    assert set(await now_at(promql, selector, begin_ms + 2 * MINUTE_MS + 1_000)) == {"Gi0/0", "Gi0/1", "Gi0/2"}
    assert set(await now_at(promql, selector, shortly_ms)) == {"Gi0/1", "Gi0/2"}


async def test_a_device_that_left_or_fell_silent_ends_its_series_at_once(promql, device, begin_ms):
    records = polls(device, begin_ms, range(3))
    selector, last_ms = f'{NAME}{{device="{device}"}}', records[-1].time_ms
    await write(agent_prometheus.create, records, End(last_ms + 10 * MINUTE_MS), url=promql.url)
    assert len(await now_at(promql, selector, last_ms)) == 3
    assert await now_at(promql, selector, last_ms + 31_000) == {}, "half an interval after the last sample"
    back = polls(device, begin_ms, [3, 4])
    written = await write(agent_prometheus.create, back, End(back[-1].time_ms + 5, back[0].resource), url=promql.url)
    assert (written.stored, written.repeats) == (2 * len(back), 0), "what comes late is still taken"
    assert len(await now_at(promql, selector, back[-1].time_ms)) == 3
    gone_ms = back[-1].time_ms + 6
    assert await now_at(promql, selector, gone_ms) == {}
    assert await now_at(promql, f'panoptes_device_info{{device="{device}"}}', gone_ms) == {}


async def test_snmp_exporters_names_are_counters_with_its_labels(promql, device, begin_ms):
    records = polls(device, begin_ms, range(2))
    await write(agent_prometheus.create, records, url=promql.url, naming="snmp-exporter", job="snmp")
    await flush(promql)
    found = await ask(
        promql,
        "/api/v1/series",
        **{"match[]": '{job="snmp",__name__=~"panoptes_interface_octets.*"}'},
        start=str(begin_ms / 1000),
    )
    assert {(one["instance"], one["ifIndex"], one["ifName"]) for one in found["data"]} == {
        ("192.0.2.1", "10101", "Gi0/1")
    }


async def test_a_place_that_takes_no_writes_is_told(promql, device, begin_ms):
    with pytest.raises(TryAgain, match=r"takes nothing at all: 400|40[45]"):
        await write(agent_prometheus.create, polls(device, begin_ms, [0]), url=f"{promql.url}/nothing/here")


async def test_influxdb_gives_back_what_was_written(influx, device, begin_ms):
    records = polls(device, begin_ms, range(20))
    for _ in range(2):  # repeats do no harm
        assert await write(agent_influx.create, records, url=influx.url) == Written(2 * len(records))
    where = f"WHERE device = '{device}'"
    query = f"SELECT octets_in_bytes_per_second, row FROM panoptes_interface {where}"  # noqa: S608 - of our own making
    answer = await ask(influx, "/query", db="panoptes", q=query, epoch="ms")
    (series,) = answer["results"][0]["series"]
    found = {(row, at_ms): value for at_ms, value, row in series["values"]}
    assert found == pytest.approx(expected(records, "octets_in"), rel=1e-9)


async def test_influxdb_names_a_field_that_it_will_not_have_and_takes_the_others(influx, device, begin_ms):
    async with httpx.AsyncClient(trust_env=False) as client:
        line = f'panoptes_{device.replace("-", "_")} load="a text" {begin_ms}000000\n'
        (await client.post(f"{influx.url}/write", params={"db": "panoptes"}, content=line)).raise_for_status()
    group = device.replace("-", "_")
    fields = {"group": group, "gauges": {"load": 1.0, "other": 2.0}, "units": {}, "states": {}}
    written = await write(agent_influx.create, polls(device, begin_ms, [0], **fields), url=influx.url)
    assert {one.series.rpartition(" ")[2] for one in written.refused} == {"load"}
    assert written.stored == 3


async def test_a_database_that_is_not_there_is_waited_for(influx, device, begin_ms):
    with pytest.raises(TryAgain, match=r"404 .*database not found"):
        await write(agent_influx.create, polls(device, begin_ms, [0]), url=influx.url, database="nothing")
