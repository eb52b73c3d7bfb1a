"""What Faust does around a rebalance, and what becomes of it for the worker."""

from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from schemas.errors import FatalError
from streams.runtime.faust.app import StageApp
from streams.runtime.faust.ending import EndingWorker
from streams.runtime.kernel.records import Place
from streams.runtime.settings.loading import load
from tests.unit.runtime.kernel_fakes import FakeWorker, settle

TICKS = "panoptes.ticks.polling"
MINE = TP(TICKS, 1)


@pytest.fixture
def app(tmp_path: Any) -> StageApp:
    ini = tmp_path / "panoptes.ini"
    ini.write_text(f"[panoptes]\nstate_dir = {tmp_path}\n[web]\nbase_port = 0\n")
    worker = FakeWorker("polling", load(ini, {}))
    worker.table("to-poll")
    worker.inputs[worker.context.stage.ticks] = lambda _record: None  # type: ignore[index]
    return StageApp(worker)


class Consumer(SimpleNamespace):
    """Notes what is asked of it."""

    def __init__(self, notes: list[str]) -> None:
        async def commit() -> None:
            notes.append("committed")

        super().__init__(
            assignment=lambda: {MINE}, commit=commit, close=lambda: notes.append("left"),
            pause_partitions=lambda tps: notes.append(f"paused {sorted(tps)}"),
            resume_partitions=lambda tps: notes.append(f"resumed {sorted(tps)}"),
        )  # fmt: skip


async def test_a_worker_that_stops_in_a_rebalance_commits_what_it_has_done_before_it_leaves(
    app: StageApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    async def wound_up(*, lapsed: bool) -> None:
        steps.append("work has ended")

    monkeypatch.setattr(StageApp, "consumer", Consumer(steps))
    monkeypatch.setattr(app.worker.lifecycle, "pausing", wound_up)
    app._stopped.set()
    await app._on_partitions_revoked({MINE})
    assert steps == ["work has ended", "committed", "left"]


async def test_partitions_without_their_changelogs_end_the_worker_before_it_forgets(
    app: StageApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[Exception] = []
    monkeypatch.setattr(app, "fail", faults.append)
    await app._on_partitions_assigned({MINE})
    [fault] = faults
    assert isinstance(fault, FatalError)
    assert "without the changelogs of to-poll" in str(fault)
    assert app.worker.lifecycle.owned == frozenset()


async def test_one_partition_pauses_and_goes_on_by_itself_and_one_that_has_left_does_not(
    app: StageApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    monkeypatch.setattr(StageApp, "consumer", Consumer(notes))
    for place in (Place(*MINE), Place(TICKS, 2)):
        app.pause(place)
        app.resume(place)
    assert notes == [f"paused {[MINE]}", f"resumed {[MINE]}", f"paused {[TP(TICKS, 2)]}"]


async def test_new_partitions_begin_when_the_tables_are_read_back_and_not_before(
    app: StageApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "is_recovered", lambda: False)
    app.worker.assigned([Place(*MINE)])
    app.on_rebalance_end()
    await settle()
    assert app.worker.lifecycle.waiting() == {1}
    monkeypatch.setattr(app, "is_recovered", lambda: True)
    app.on_rebalance_end()
    await settle()
    assert app.worker.lifecycle.is_open(1)


async def test_a_value_that_must_not_be_read_ends_the_worker(app: StageApp, monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[Exception] = []
    monkeypatch.setattr(app, "fail", faults.append)
    table = app.tables["to-poll"]
    good = SimpleNamespace(message=SimpleNamespace(partition=1, key=b"k", value=b"\xf1value"))
    newer = SimpleNamespace(message=SimpleNamespace(partition=1, key=b"k", value=b"\xf2value"))
    table.data.apply_changelog_batch([good], to_key=None, to_value=None)
    assert app.worker.tables[0].get(1, b"k") == b"value"
    with pytest.raises(FatalError):
        table.data.apply_changelog_batch([newer], to_key=None, to_value=None)
    assert [type(fault) for fault in faults] == [FatalError]


def test_the_process_of_a_worker_is_one_that_ends_in_a_bounded_time(app: StageApp) -> None:
    assert app.conf.Worker is EndingWorker


async def test_tables_are_read_back_without_a_pause_at_the_start(
    app: StageApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def noting(what: str) -> Any:
        async def note(*_: object) -> None:
            steps.append(what)

        return note

    monkeypatch.setattr(app.tables, "sleep", noting("slept"))
    monkeypatch.setattr(app.tables, "_update_channels", noting("channels"))
    monkeypatch.setattr(app.tables.recovery, "start", noting("recovery"))
    await app.tables.on_start()
    assert steps == ["channels", "recovery"]
