"""Dashboards made for snmp_exporter show the same curves: both read one device, into one store."""

import asyncio
import time
from pathlib import Path
from typing import Any, Final

import pytest

from pollers.plugins.base import PluginContext
from pollers.plugins.snmp import polling as snmp_profile
from pollers.snmp.credentials import Community, Secret
from pollers.snmp.wire.access import open_access
from schemas.records import EnrichedResource, Job, RawCounters, Resource
from streams.cli.devices.device import GivenCredentials
from streams.pipeline import Topic
from streams.playground.simulators.devices import DEFAULT_COMMUNITY
from streams.polling.results import raw_counters
from streams.runtime.plugins import NoAccess
from streams.runtime.settings.sections import SnmpSettings
from streams.runtime.snmp import limits_of
from streams.sinks.reading.records import Records
from streams.sinks.senders.agent_prometheus import create
from tests.contract.sinks.snmp_exporter import COUNTERS, scraping_store, snmp_exporter
from tests.contract.sinks.stores import Store
from tests.contract.sinks.test_stores import ask, flush
from tests.unit.cli.test_live_poll import FEW, served
from tests.unit.sinks.batches import decoding

INTERVAL_S: Final = 2
POLLS: Final = 16
WINDOW_S: Final = 24
#: the device's rates swing, and the two do not read it in the same moment
SAME: Final = 0.01
JOB: Final = Job(plugin="interfaces", profile="if-mib", interval_s=INTERVAL_S)
Curves = dict[tuple[str, str], float]


def now_ms() -> int:
    return time.time_ns() // 10**6


class Polled:
    """The device as the polling stage reads it and the sink stores it."""

    def __init__(self, endpoint: str, store: Store) -> None:
        credential = Community(community=Secret(DEFAULT_COMMUNITY))
        self._access = open_access(limits_of(SnmpSettings()), GivenCredentials(credential))
        self._plugin = snmp_profile.create(
            PluginContext(section="interfaces", interval_s=INTERVAL_S, options={}, snmp=self._access, now_ms=now_ms)
        )
        options = {"url": store.url, "naming": "snmp-exporter", "job": "panoptes"}
        self._sink = create(PluginContext(section="mib", interval_s=0, options=options, snmp=NoAccess(), now_ms=now_ms))
        resource = Resource(
            site="fra1", resource_class="network", resource_subclass="switch", resource_type="cisco",
            resource_id="sw1", endpoint=endpoint, plugins=["test"], first_seen_ms=0, last_seen_ms=0,
        )  # fmt: skip
        self._enriched = EnrichedResource(resource=resource, enrichments={}, jobs=[JOB], jobs_since_ms=0)
        self._decoding = decoding()

    async def poll(self) -> None:
        slot = now_ms() // 1000
        poll = await self._plugin.poll(self._enriched, JOB, slot)
        await self._store([raw_counters(self._enriched, JOB, slot, sample) for sample in poll.samples])

    async def _store(self, samples: list[RawCounters]) -> None:
        batch = Records(Topic.RAW_COUNTERS, [], self._decoding)
        batch.raw_counters = samples
        written = await self._sink.write(batch)
        assert written.refused == ()

    async def close(self) -> None:
        await self._sink.close()
        await self._access.close()


async def curves(store: Store, job: str, at_s: float) -> Curves:
    """Return the rates of all counters: name and labels, but for the job -> rate."""
    await flush(store)
    names = "|".join(COUNTERS)
    query = f'rate({{__name__=~"{names}",job="{job}"}}[{WINDOW_S}s]) keep_metric_names'
    answer: Any = await ask(store, "/api/v1/query", query=query, time=f"{at_s:.3f}", nocache="1")
    found: Curves = {}
    for one in answer["data"]["result"]:
        labels = {name: value for name, value in one["metric"].items() if name != "job"}
        found[labels.pop("__name__"), ", ".join(f"{name}={labels[name]}" for name in sorted(labels))] = float(
            one["value"][1]
        )
    return found


@pytest.mark.timeout(120)
async def test_the_same_names_labels_and_rates(tmp_path: Path):
    for name in ("exporter", "store"):
        (tmp_path / name).mkdir()
    with (
        served(FEW) as endpoint,
        snmp_exporter(tmp_path / "exporter", DEFAULT_COMMUNITY) as exporter,
        scraping_store(tmp_path / "store", exporter, endpoint, INTERVAL_S) as store,
    ):
        polled = Polled(endpoint, store)
        for _ in range(POLLS):
            next_s = time.monotonic() + INTERVAL_S
            await polled.poll()
            await asyncio.sleep(max(0.0, next_s - time.monotonic()))
        await polled.close()
        at_s = time.time()
        ours, theirs = await curves(store, "panoptes", at_s), await curves(store, "snmp_exporter", at_s)
    assert ours.keys() == theirs.keys()
    assert {name for name, _ in ours} == set(COUNTERS)
    assert ours == pytest.approx(theirs, rel=SAME, abs=0.5)
    assert sum(value > 1_000 for value in ours.values()) > len(FEW.interfaces)
