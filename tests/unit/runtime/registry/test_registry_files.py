"""The file-backed registry gives one id per text, to any number of processes at once, and loses none."""

import asyncio
import json
import multiprocessing
from pathlib import Path

import pytest

from schemas.codec import canonical_text
from schemas.errors import BackendError, FatalError, RecordError
from streams.runtime.registry.opening import FileRegistry, open_registry
from streams.runtime.settings.loading import Settings

TICK = canonical_text("tick")
RESOURCE = canonical_text("resource")


async def test_an_id_belongs_to_a_text_under_every_subject(tmp_path):
    registry = FileRegistry(tmp_path)
    first = await registry.id_for("p.inventory-value", RESOURCE)
    assert await registry.id_for("p.resources-value", RESOURCE) == first == 1
    assert await registry.id_for("p.ticks-value", TICK) == 2
    assert await registry.schema_for(1) == RESOURCE
    assert await registry.ids_of("p.ticks-value") == [2]
    assert await registry.ids_of("nothing") == []


async def test_another_process_finds_the_same_ids(tmp_path):
    assert await FileRegistry(tmp_path).id_for("a-value", TICK) == 1
    other = FileRegistry(tmp_path)
    assert await other.schema_for(1) == TICK
    assert await other.id_for("a-value", TICK) == 1


async def test_an_id_that_was_given_later_is_found(tmp_path):
    early = FileRegistry(tmp_path)
    with pytest.raises(RecordError, match="unknown schema id 1: it is not in"):
        await early.schema_for(1)
    await FileRegistry(tmp_path).id_for("a-value", TICK)
    assert await early.schema_for(1) == TICK


async def test_a_schema_that_cannot_read_an_earlier_version_is_refused(tmp_path):
    registry = FileRegistry(tmp_path)
    await registry.id_for("a-value", TICK)
    with pytest.raises(FatalError, match="schema of a-value cannot read its version 1: type mismatch"):
        await registry.id_for("a-value", TICK.replace('"epoch","type":"long"', '"epoch","type":"string"'))
    compatible = TICK.replace('"epoch","type":"long"', '"epoch","type":"long","default":0')
    assert await registry.id_for("a-value", compatible) == 2
    assert await registry.ids_of("a-value") == [1, 2]


def _register(folder: Path, worker: int, count: int) -> None:
    async def work() -> None:
        registry = FileRegistry(folder)
        for number in range(count):
            text = TICK.replace("panoptes.Tick", f"panoptes.Tick{(number + worker) % count}")
            await registry.id_for(f"s{(number + worker) % count}-value", text)

    asyncio.run(work())


def test_processes_that_register_at_once_agree(tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_register, args=(tmp_path, worker, 8)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    plain = json.loads((tmp_path / "schemas.json").read_text(encoding="utf-8"))
    assert sorted(map(int, plain["schemas"])) == list(range(1, 9))
    assert len(set(plain["schemas"].values())) == 8
    assert sorted(ids for ids in plain["subjects"].values()) == [[number] for number in range(1, 9)]
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("schemas.json", "schemas.lock")] == []


async def test_a_damaged_file_stops_the_worker_instead_of_giving_ids_anew(tmp_path):
    (tmp_path / "schemas.json").write_text('{"schemas": {"1": ', encoding="utf-8")
    with pytest.raises(FatalError, match="is damaged"):
        await FileRegistry(tmp_path).id_for("a-value", TICK)


async def test_a_folder_that_cannot_be_made_is_waited_for(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BackendError, match="cannot write the schemas' folder"):
        await FileRegistry(tmp_path / "file" / "registry").id_for("a-value", TICK)


def test_it_is_the_registry_where_no_url_is_set():
    assert isinstance(open_registry(Settings()), FileRegistry)
