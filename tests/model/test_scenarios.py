"""Fixed histories hold; and with a fault put (back) in the code each of them finds it."""

from collections.abc import Callable

import pytest

from streams.runtime.kernel.dispatch import Dispatch
from streams.runtime.kernel.effects import Effects
from streams.runtime.kernel.folding import Folding
from streams.runtime.kernel.lane import Lane
from streams.runtime.kernel.lifecycle import Lifecycle
from streams.runtime.kernel.records import Record
from streams.runtime.kernel.table import Table
from streams.scheduling.acks import Acks
from tests.model import scenarios
from tests.model.process import Process
from tests.model.stage_model import StageModel
from tests.model.stages.gauges import Gauges
from tests.model.stages.polling import Polling
from tests.model.stages.resources import Resources
from tests.model.world import World

Scenario = Callable[[World], None]
Break = Callable[[pytest.MonkeyPatch], None]


def lived_through(model: type[StageModel], scenario: Scenario) -> None:
    with World(model()) as world:
        scenario(world)
        world.heal()
        world.promises.check_all()


@pytest.mark.parametrize(
    ("model", "scenario"), scenarios.SCENARIOS, ids=lambda value: getattr(value, "__name__", value)
)
def test_it_holds(model: type[StageModel], scenario: Scenario) -> None:
    lived_through(model, scenario)


def a_table_without_keep_only(patch: pytest.MonkeyPatch) -> None:
    """What the gauges' table once was: a part that fails when partitions are lost."""

    def drop(_table: Table, _partition: int) -> None:
        raise AttributeError("'SeriesTable' object has no attribute 'keep_only'")

    patch.setattr(Table, "drop", drop)


def a_table_without_keep_only_and_nobody_told(patch: pytest.MonkeyPatch) -> None:
    """And what Kafka's client makes of that: it logs it, and the worker goes on with nothing."""
    a_table_without_keep_only(patch)
    patch.setattr(Process, "fail", lambda *_: None)


def commits_past_a_gap_at_the_head(patch: pytest.MonkeyPatch) -> None:
    """Faust's first habit (decision 3): the newest that is done counts."""

    def done(acks: Acks, offset: int) -> list[int]:
        acks._fetched.discard(offset)
        acks._done.pop(offset, None)
        acks._acked = max(acks._acked, offset)
        return [offset]

    patch.setattr(Acks, "done", done)
    patch.setattr(Acks, "committable", property(lambda acks: acks._acked + 1 if acks._acked >= 0 else acks.head))


def acknowledges_what_a_rebalance_skips(patch: pytest.MonkeyPatch) -> None:
    """Faust's second habit."""

    def skip(process: Process, record: Record) -> None:
        process.worker.offsets.begin(record.place, record.offset)
        process.worker.offsets.done(record.place, record.offset)

    patch.setattr(Process, "skip", skip)


def writes_the_table_first(patch: pytest.MonkeyPatch) -> None:
    write = Folding._write

    async def too_early(folding: Folding, partition: int, steps: list[Effects]) -> None:
        assert folding._table is not None
        for step in steps:
            folding._table.table.store(partition, step.writes)
        await write(folding, partition, steps)

    patch.setattr(Folding, "_write", too_early)


def sends_the_table_before_the_records(patch: pytest.MonkeyPatch) -> None:
    deliver, write = Folding.deliver, Folding._write

    async def nothing(*_: object) -> None:
        """It was written already."""

    async def the_other_way_round(folding: Folding, partition: int, steps: list[Effects]) -> None:
        await write(folding, partition, steps)
        await deliver(folding, partition, steps)

    patch.setattr(Folding, "deliver", the_other_way_round)
    patch.setattr(Folding, "_write", nothing)


def rewinding_without(patch: pytest.MonkeyPatch, forgetting: str) -> None:
    step_anew = Dispatch.step_anew

    def remembering(dispatch: Dispatch[Effects], lane: Lane[Effects]) -> None:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(dispatch._handler, forgetting, lambda _partition: None)
            step_anew(dispatch, lane)

    patch.setattr(Dispatch, "step_anew", remembering)


def rewinds_without_forget(patch: pytest.MonkeyPatch) -> None:
    rewinding_without(patch, "forget")


def rewinds_without_forget_in_the_stage(patch: pytest.MonkeyPatch) -> None:
    """The table forgets what was refused, and the converter does not."""
    rewinding_without(patch, "_forget")


def keeps_its_memory_after_a_lapse(patch: pytest.MonkeyPatch) -> None:
    settle = Lifecycle.settle
    patch.setattr(Lifecycle, "settle", lambda self, partitions, *, lapsed: settle(self, partitions, lapsed=False))


FAULTS: list[tuple[Break, type[StageModel], Scenario, str]] = [
    (a_table_without_keep_only, Gauges, scenarios.a_second_worker_joins, "ended itself: AttributeError.*keep_only"),
    (a_table_without_keep_only_and_nobody_told, Gauges, scenarios.a_second_worker_joins, "."),
    (
        commits_past_a_gap_at_the_head, Polling, scenarios.a_device_is_slow_and_its_worker_is_killed,
        "a tick is committed, and slots of .* have no status",
    ),
    (
        acknowledges_what_a_rebalance_skips, Resources, scenarios.a_rebalance_between_fetch_and_delivery,
        "committed, and its effects are not stored",
    ),
    (writes_the_table_first, Resources, scenarios.the_broker_is_slow, "table is ahead of its changelog"),
    (sends_the_table_before_the_records, Resources, scenarios.killed_between_two_stores, "the inventory of"),
    (rewinds_without_forget, Gauges, scenarios.a_record_in_the_middle_is_refused, "wants what it does not store"),
    (rewinds_without_forget_in_the_stage, Gauges, scenarios.a_record_in_the_middle_is_refused, "the gauges of"),
    (keeps_its_memory_after_a_lapse, Gauges, scenarios.asleep_beyond_the_session, "the gauges of"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "model", "scenario", "finding"), FAULTS, ids=[fault.__name__ for fault, *_ in FAULTS]
)
def test_it_is_found(
    fault: Break, model: type[StageModel], scenario: Scenario, finding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    with pytest.raises(AssertionError, match=finding):
        lived_through(model, scenario)
