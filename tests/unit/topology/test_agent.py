"""The leader's side of the topology stage, with the fakes of the kernel's tests."""

import threading

import pytest

from schemas.records import Link, LinkState
from streams.pipeline import Topic
from streams.runtime.faust.app import StageApp
from streams.runtime.kernel.records import Place, Record
from streams.runtime.kernel.worker import Worker
from streams.runtime.ops.watch import Watch
from streams.runtime.schedule.leadership import Term
from streams.runtime.settings.loading import load
from streams.topology.agent import Topologist
from tests.unit.runtime.kernel_fakes import FakeWorker, Stored
from tests.unit.topology.test_links import NOW_MS, A, B, device, ident

LINKS = "panoptes.topology"


class WithViews(FakeWorker):
    """One whose views are real, and not begun."""

    view = Worker.view


class Stage:
    """A worker of the stage whose topics are lists."""

    def __init__(self) -> None:
        self.worker = FakeWorker("topology")
        self.worker.now_ms = NOW_MS
        self.stage = Topologist(self.worker)
        self.term = Term(1, threading.Event())
        self._offset = 0

    async def tell(self, *devices) -> None:
        serde = self.stage._resources_serde
        await serde.register()
        await self.stage._links_serde.register()
        for each in devices:
            value = serde.encode(each)
            await self.stage.take_resource(Record(Place("e", 0), 0, each.resource.identity.encode(), value))

    async def see(self, stored: Stored) -> None:
        """Have the view of the links bring a record."""
        await self.stage.take_link(Record(Place(LINKS, 0), 0, stored.key, stored.value))

    def stored(self) -> list[Stored]:
        return [each for each in self.worker.sent.stored if each.topic == LINKS]

    def link(self, stored: Stored) -> Link:
        return self.stage._links_serde.decode(stored.value)


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_a_link_is_published_once_and_its_own_records_are_no_news(stage: Stage):
    await stage.tell(A, B)
    await stage.stage.look(stage.term)
    [first] = stage.stored()
    await stage.see(first)
    assert not stage.stage.changed
    await stage.stage.look(stage.term)
    assert stage.stored() == [first]


async def test_records_from_before_its_own_change_nothing_and_another_leaders_late_word_is_put_right(stage: Stage):
    await stage.tell(A, B)
    await stage.stage.look(stage.term)
    stage.worker.now_ms += 10
    await stage.tell(device("aa"))  # it has not heard the other end any more
    await stage.stage.look(stage.term)
    up, one_sided = stage.stored()
    await stage.see(up)
    await stage.see(one_sided)
    assert stage.stage.standing == {up.key.decode(): stage.link(one_sided)}
    await stage.see(up)  # by a leader that was paused, and stored it after all that
    assert stage.stage.changed
    stage.worker.now_ms += 10
    await stage.stage.look(stage.term)
    assert stage.link(stage.stored()[-1]).state is LinkState.ONE_SIDED


async def test_the_new_name_of_a_link_is_stored_before_the_old_one_ends(stage: Stage):
    await stage.tell(A)
    await stage.stage.look(stage.term)
    await stage.tell(device("bb"))
    await stage.stage.look(stage.term)
    unknown, known, end = stage.stored()
    assert (unknown.key, None) == (end.key, end.value)
    assert [each.resource for each in stage.link(known).ends] == [ident("aa"), ident("bb")]


async def test_a_worker_whose_term_is_over_stores_nothing(stage: Stage):
    await stage.tell(A, B)
    stage.term.over.set()
    await stage.stage.look(stage.term)
    assert stage.stored() == []
    assert stage.stage.changed, "it is looked at again should this worker be elected again"


async def test_a_record_that_only_says_the_same_for_longer_is_no_news(stage: Stage):
    await stage.tell(A, B)
    await stage.stage.look(stage.term)
    later = {
        name: type(each)(
            plugin=each.plugin, collected_at_ms=NOW_MS + 60_000, ttl_s=each.ttl_s, facts=each.facts, rows=each.rows
        )
        for name, each in A.enrichments.items()
    }
    await stage.tell(type(A)(resource=A.resource, enrichments=later, jobs=[], jobs_since_ms=1))
    assert not stage.stage.changed


async def test_a_tombstone_of_a_resource_leaves_the_other_ends_word(stage: Stage):
    await stage.tell(A, B)
    await stage.stage.look(stage.term)
    await stage.stage.take_resource(Record(Place("e", 0), 0, ident("bb").encode(), None))
    await stage.stage.look(stage.term)
    up, alone, end = stage.stored()
    assert stage.link(alone).state is LinkState.ONE_SIDED
    assert (end.key, end.value) == (up.key, None)


def test_a_worker_that_only_has_views_is_ready_when_they_were_read(tmp_path):
    ini = tmp_path / "panoptes.ini"
    ini.write_text(f"[panoptes]\nstate_dir = {tmp_path}\n[web]\nbase_port = 0\n")
    worker = WithViews("topology", load(ini, {}))
    Topologist(worker)
    assert StageApp(worker).producer_only, "Faust waits for no assignment"
    watch = Watch(worker, is_recovered=lambda: False, is_stopping=lambda: False)
    assert not watch.health().ready
    assert "enriched-resources, topology" in watch.health().why["views"]
    for topic in (Topic.ENRICHED_RESOURCES, Topic.TOPOLOGY):
        worker.followed[topic]._caught_up.set()
    assert watch.health().ready
