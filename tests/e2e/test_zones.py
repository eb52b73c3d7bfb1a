"""Workers of two zones on one Kafka: each asks its own devices only, and a kill in one zone costs the other nothing."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from streams.playground.demo.children import Child
from streams.playground.services import Stack
from tests.chaos.follower import contradictions
from tests.chaos.pipeline import DEVICES, INTERVAL_S, SETTINGS, Pipeline, stopped_at_the_end

pytestmark = pytest.mark.timeout(420)

ZONES: Final = ("a", "b")
#: those whose workers ask devices, and are by zone
ASKING: Final = ("discovery", "enrichment", "polling")
PARTITIONS: Final = 6
WITHIN_S: Final = 120

SECTION: Final = """
[discovery:in-{zone}]
plugin = from-file
interval_s = 5
path = {path}
class = network
subclass = switch
ttl_s = 3600
zone = {zone}
"""


class Zones:
    """A pipeline whose devices are in two zones, with the workers of each."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._lists = {zone: folder / f"{zone}.json" for zone in ZONES}
        sections = "".join(SECTION.format(zone=zone, path=path) for zone, path in self._lists.items())
        self._folder = folder
        self.pipeline = Pipeline(stack, folder, settings=SETTINGS + sections)
        self.workers: dict[str, list[Child]] = {zone: [] for zone in ZONES}
        self.devices: dict[str, set[str]] = {}

    def start(self) -> None:
        """Share the devices out, every other one, and start a worker of each stage in each zone."""
        self.pipeline.prepare()
        devices = json.loads((self._folder / "devices.json").read_text())
        for first, zone in enumerate(ZONES):
            self._lists[zone].write_text(json.dumps(devices[first::2]))
            self.devices[zone] = {device["id"] for device in devices[first::2]}
        self.pipeline.add_worker("resources")
        for zone in ZONES:
            self.more_of(zone)
        self.pipeline.follower.start(60)

    def more_of(self, zone: str) -> list[Child]:
        """Start one more worker of each stage that is by zone."""
        more = [self.pipeline.add_worker(stage, PANOPTES_POLLING_ZONE=zone) for stage in ASKING]
        self.workers[zone] += more
        return more

    def of(self, zone: str, stage: str) -> list[Child]:
        return [worker for worker in self.workers[zone] if worker.name.startswith(stage)]

    def share_out(self, zone: str) -> bool:
        """Return whether the zone's workers have each partition of their stages once, and each of them some."""
        owned = [[self.pipeline.owned_by(worker) for worker in self.of(zone, stage)] for stage in ASKING]
        return all(sum(each) == PARTITIONS and 0 not in each for each in owned)

    def polled_by(self, zone: str, since_s: float = 0) -> set[int]:
        """Return the processes that polled the zone's devices."""
        return {
            status.pid
            for status in self.pipeline.follower.statuses
            if status.resource.rpartition("|")[2] in self.devices[zone] and status.slot >= since_s
        }

    def pids(self, zone: str) -> set[int]:
        return {worker.born.pid for worker in self.of(zone, "polling")}


@pytest.fixture
def zones(stack: Stack, tmp_path: Path) -> Iterator[Zones]:
    made = Zones(stack, tmp_path)
    with stopped_at_the_end(made.pipeline):
        made.start()
        yield made


def until(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"not within {WITHIN_S} s: {what}"
        time.sleep(0.2)


def test_each_zone_is_asked_by_its_own_workers_also_while_others_join_and_are_killed(zones: Zones) -> None:
    pipeline, follower = zones.pipeline, zones.pipeline.follower
    until("every device is polled", lambda: len(follower.polled_since(0)) == DEVICES)
    for zone in ZONES:
        until(f"one worker has all of zone {zone}", lambda zone=zone: zones.share_out(zone))  # type: ignore[misc]
        assert zones.polled_by(zone) == zones.pids(zone)

    since_s = time.time()
    second = zones.more_of("a")
    until("two workers share zone a", lambda: zones.share_out("a"))
    until("both poll", lambda: zones.polled_by("a", since_s) == zones.pids("a"))
    assert zones.share_out("b")

    everybody = zones.pids("a")
    for worker in second:
        pipeline.kill(worker)
        zones.workers["a"].remove(worker)
    until("one worker has all of zone a again", lambda: zones.share_out("a"))
    until_s = pipeline.recovered()

    assert zones.polled_by("a") <= everybody
    assert zones.polled_by("b") == zones.pids("b")
    assert seen_in(pipeline) == zones.devices
    found = pipeline.audit(since_s, until_s)
    assert found["missing"] == [], json.dumps(found, indent=1)
    assert found["expected"] > 0
    assert contradictions(follower.statuses, INTERVAL_S, pipeline.died_s) == []
    missed = {status.resource for status in follower.statuses if status.outcome == "MISSED" and status.slot >= since_s}
    assert not {key.rpartition("|")[2] for key in missed} & zones.devices["b"], "a kill in zone a costs zone b nothing"


def seen_in(pipeline: Pipeline) -> dict[str, set[str]]:
    """Return the enriched resources' devices by the zone that they say; in each zone some have said what they are."""
    seen: dict[str, str] = {}
    said: set[str] = set()

    def whole() -> bool:
        for record in topics.read(0.5):
            if record.value is not None:
                seen[record.key.rpartition("|")[2]] = zone = record.value["resource"]["zone"]
                said.update([zone] if record.value["enrichments"] else [])
        return len(seen) == DEVICES and said == set(ZONES)

    with contextlib.closing(pipeline.reader("enriched-resources")) as topics:
        assert topics.open(time.monotonic() + 60)
        until("every enriched resource", whole)
    return {zone: {device for device, its in seen.items() if its == zone} for zone in ZONES}
