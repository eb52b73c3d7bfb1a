"""What may happen to the workers of a stage, in any order; hypothesis looks for an order that breaks what must hold."""

import sys

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.model.process import Process
from tests.model.promises import PARTITIONS
from tests.model.stage_model import StageModel
from tests.model.stages.parts import KEYS
from tests.model.world import NEWER, World

MOST_WORKERS = 3
#: how long until the next thing happens: within one turn, one look, one linger, a rebalance, a session
THEN = st.sampled_from([0.0, 0.03, 0.15, 0.22, 1.0, 4.0, 15.0])
#: a record is fetched, handed on, stepped and stored within that time
WAY = st.sampled_from([0.0, 0.04, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3])
#: mostly good records; see `StageModel.given` for the others
VARIANTS = st.sampled_from([2, 3, 4, 5, 6, 7, 0, 1, 8, NEWER])
RECORDS = st.lists(st.tuples(st.integers(0, len(KEYS) - 1), VARIANTS), min_size=1, max_size=12)


class Machine(RuleBasedStateMachine):
    """The machine of one stage; `machine_of` makes it."""

    model: type[StageModel]

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.model())
        self.world.__enter__()

    def teardown(self) -> None:
        """Mend everything, and look at all of it; after a failure there is nothing to look at."""
        try:
            if sys.exc_info()[0] is None:
                self.world.heal()
                self.world.promises.check_all()
        finally:
            self.world.__exit__()

    def _any(self, nth: int) -> Process:
        return self.world.living[nth % len(self.world.living)]

    @invariant()
    def holds(self) -> None:
        self.world.promises.check()

    # workers

    @initialize(workers=st.integers(1, 2), records=RECORDS, then=THEN)
    def begins(self, workers: int, records: list[tuple[int, int]], then: float) -> None:
        for _ in range(workers):
            self.world.join()
        self.given(records, 8.0)
        self.world.spend(then)

    @precondition(lambda self: len(self.world.living) < MOST_WORKERS)
    @rule(then=THEN)
    def joins(self, then: float) -> None:
        self.world.join()
        self.world.spend(then)

    @precondition(lambda self: self.world.living)
    @rule(nth=st.integers(0, 2), then=THEN)
    def leaves(self, nth: int, then: float) -> None:
        process = self._any(nth)
        if not process.is_frozen:
            self.world.leave(process)
            self.world.spend(then)

    @precondition(lambda self: self.world.living)
    @rule(nth=st.integers(0, 2), then=THEN)
    def is_killed(self, nth: int, then: float) -> None:
        self.world.kill(self._any(nth))
        self.world.spend(then)

    @precondition(lambda self: self.world.living)
    @rule(nth=st.integers(0, 2), asleep=st.sampled_from([1.0, 6.0, 25.0]), meanwhile=RECORDS, then=THEN)
    def is_frozen(self, nth: int, asleep: float, meanwhile: list[tuple[int, int]], then: float) -> None:
        process = self._any(nth)
        self.world.freeze(process)
        self.world.spend(asleep)
        self.given(meanwhile, 4.0)
        self.world.wake(process)
        self.world.spend(then)

    @rule(on_their_way=RECORDS, after=WAY, then=THEN)
    def rebalance(self, on_their_way: list[tuple[int, int]], after: float, then: float) -> None:
        self.given(on_their_way, after)
        self.world.broker.rebalance()
        self.world.spend(then)

    @precondition(lambda self: self.world.living)
    @rule(nth=st.integers(0, 2), records=st.integers(1, 30), then=THEN)
    def brought_again(self, nth: int, records: int, then: float) -> None:
        self._any(nth).seek_back(records)
        self.world.spend(then)

    # what they work on

    @rule(records=RECORDS, then=THEN)
    def given(self, records: list[tuple[int, int]], then: float) -> None:
        for key, variant in records:
            self.world.give(key, variant)
        self.world.spend(then)

    @rule(then=st.sampled_from([1.0, 10.0, 30.0]))
    def time_passes(self, then: float) -> None:
        self.world.spend(then)

    # what they work with

    @rule(latency_s=st.sampled_from([0.01, 0.3, 3.0]), stores=st.booleans(), answers=st.booleans(), then=THEN)
    def broker(self, latency_s: float, stores: bool, answers: bool, then: float) -> None:
        self.world.break_broker(latency_s=latency_s, stores=stores, answers=answers)
        self.world.spend(then)

    @rule(are_lost=st.booleans(), then=THEN)
    def commits(self, are_lost: bool, then: float) -> None:
        self.world.lose_commits(are_lost=are_lost)
        self.world.spend(then)

    @rule(answer=st.booleans(), device_s=st.sampled_from([0.0, 0.2, 8.0]), then=THEN)
    def devices(self, answer: bool, device_s: float, then: float) -> None:
        self.world.devices_answer, self.world.device_s = answer, device_s
        self.world.spend(then)

    @rule(partitions=st.sets(st.integers(0, PARTITIONS - 1)), is_away=st.booleans(), then=THEN)
    def cannot_begin(self, partitions: set[int], is_away: bool, then: float) -> None:
        self.world.reluctant.clear()
        self.world.reluctant.update(partitions)
        self.world.registry.is_away = is_away
        self.world.spend(then)


def machine_of(model: type[StageModel]) -> type[Machine]:
    return type(f"{model.__name__}Machine", (Machine,), {"model": model})
