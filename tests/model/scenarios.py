"""Histories that have gone wrong, or would if a rule of the kernel were not kept; each with the stage that shows it."""

import asyncio

from streams.pipeline import Topic
from streams.runtime.kernel.records import Place
from tests.model.stages.enrichment import Enrichments
from tests.model.stages.gauges import Gauges
from tests.model.stages.polling import Polling
from tests.model.stages.resources import Resources
from tests.model.world import World

#: keys by the partition that they are in, as `stages.parts` has them
IN_2, ALSO_IN_2, IN_3 = 3, 4, 1


def two_workers(world: World) -> None:
    """Let one have partitions 0 and 1, the other 2 and 3."""
    world.join()
    world.spend(5)
    world.join()
    world.spend(10)
    assert [sorted(process.worker.lifecycle.owned) for process in world.living] == [[0, 1], [2, 3]]


def a_second_worker_joins(world: World) -> None:
    world.join()
    for key in range(6):
        world.give(key, 2)
    world.spend(5)
    world.join()
    world.spend(10)
    for key in range(6):
        world.give(key, 3)
    world.spend(5)


def a_device_is_slow_and_its_worker_is_killed(world: World) -> None:
    first = world.join()
    for key in range(6):
        world.give(key, 2)
    world.spend(20)
    world.device_s = 4.5
    world.spend(13)
    world.kill(first)
    world.join()
    world.spend(20)


def a_rebalance_between_fetch_and_delivery(world: World) -> None:
    first = world.join()
    world.spend(5)
    world.give(IN_2, 2)
    while not first._buffer:
        world.spend(0.02)
    world.broker.rebalance()
    world.spend(5)


def the_broker_is_slow(world: World) -> None:
    world.join()
    world.spend(5)
    world.break_broker(latency_s=2.0)
    world.give(IN_2, 2)
    for _ in range(10):
        world.spend(0.5)
        world.promises.check()


def killed_between_two_stores(world: World) -> None:
    """A worker is killed when of its effects the first are stored, and the last are not."""
    first = world.join()
    world.spend(5)
    world.give(IN_2, 2)
    inventory, changelog = Place(world.topic_name(Topic.INVENTORY), 2), Place(world.changelog(), 2)
    while not (world.broker.logs[inventory] or world.broker.logs[changelog]):
        world.spend(0.001)
    world.break_broker(stores=False)
    world.spend(3)
    world.kill(first)
    world.heal_broker()
    world.join()
    world.spend(20)


def a_record_in_the_middle_is_refused(world: World) -> None:
    world.join()
    world.spend(5)
    for variant in (2, 3, 8, 4, 5):
        world.give(IN_2, variant)
    world.spend(5)


def asleep_beyond_the_session(world: World) -> None:
    """The partition comes back to a worker that slept while another one had it."""
    two_workers(world)
    sleeper = world.living[1]
    for variant in (2, 3):
        world.give(IN_2, variant)
        world.spend(5)
    world.freeze(sleeper)
    world.spend(20)
    world.give(IN_2, 4)
    world.give(IN_2, 5)
    world.spend(5)
    world.wake(sleeper)
    world.spend(15)
    assert 2 in sleeper.worker.lifecycle.owned
    world.give(IN_2, 6)
    world.spend(5)


def asleep_and_then_another_one(world: World) -> None:
    """The same, where the next assignment waits for another sleeper for longer than the first one's lapse counts."""
    two_workers(world)
    world.join()
    world.spend(10)
    sleeper = next(process for process in world.living if 3 in process.worker.lifecycle.owned)
    other = next(process for process in world.living if process is not sleeper)
    world.give(IN_3, 2)
    world.spend(5)
    world.freeze(sleeper)
    world.spend(20)
    for variant in (3, 4):
        world.give(IN_3, variant)
    world.spend(5)
    world.freeze(other)
    world.wake(sleeper)
    world.spend(9)
    world.wake(other)
    world.spend(15)
    assert 3 in sleeper.worker.lifecycle.owned
    world.give(IN_3, 5)
    world.spend(5)


def asleep_with_effects_in_hand(world: World) -> None:
    """What a sleeper has in hand is older than what the new owner has stored meanwhile."""
    two_workers(world)
    sleeper = world.living[1]
    world.give(IN_2, 2)
    world.give(IN_3, 2)
    while not any(lane.stepped for lane in sleeper.loops[0]._lanes.values()):
        world.spend(0.01)
    world.freeze(sleeper)
    world.spend(20)
    world.give(IN_2, 3)
    world.give(IN_3, 3)
    world.spend(5)
    world.wake(sleeper)
    world.spend(5)


def asleep_with_effects_in_hand_and_then_another_one(world: World) -> None:
    world.join()
    world.spend(5)
    world.join()
    world.join()
    world.spend(10)
    sleeper = next(process for process in world.living if 3 in process.worker.lifecycle.owned)
    other = next(process for process in world.living if process is not sleeper)
    world.give(IN_3, 2)
    while not any(lane.stepped for lane in sleeper.loops[0]._lanes.values()):
        world.spend(0.01)
    world.freeze(sleeper)
    world.spend(20)
    world.give(IN_3, 3)
    world.spend(5)
    world.freeze(other)
    world.wake(sleeper)
    world.spend(9)
    world.wake(other)
    world.spend(5)


def asleep_between_two_tries(world: World) -> None:
    """The same, of a worker that was about to try again what the broker had not taken."""
    two_workers(world)
    sleeper = world.living[1]
    world.break_broker(stores=False)
    world.give(IN_2, 2)
    world.spend(1)
    world.freeze(sleeper)
    world.heal_broker()
    world.spend(20)
    world.give(IN_2, 3)
    world.spend(5)
    world.wake(sleeper)
    world.spend(5)


def stopped_while_the_broker_was_away(world: World) -> None:
    """A worker that has left its group stores nothing more, for the moment that its process lives on."""
    two_workers(world)
    stopped = world.living[1]
    world.break_broker(stores=False)
    world.give(IN_2, 2)
    world.spend(1)
    world.stop(stopped)
    world.heal_broker()
    world.give(IN_2, 3)
    world.spend_with(stopped, 10)


def the_broker_comes_back_while_a_worker_stops(world: World) -> None:
    """What is stored in the last moment must not begin anything that outlives the stop."""
    leaver = world.join()
    world.spend(5)
    world.break_broker(stores=False)
    world.give(IN_2, 2)
    world.spend(4.5)
    stopped = leaver.stop()
    world.spend(3.2)
    world.heal_broker()
    world.spend(6)
    stopped.result()
    world.spend_with(leaver, 1)
    left = [task.get_name() for task in asyncio.all_tasks(leaver.loop)]
    assert not left, f"left behind: {left}"


SCENARIOS = [
    (Gauges, a_second_worker_joins),
    (Resources, a_second_worker_joins),
    (Polling, a_device_is_slow_and_its_worker_is_killed),
    (Resources, a_rebalance_between_fetch_and_delivery),
    (Resources, the_broker_is_slow),
    (Resources, killed_between_two_stores),
    (Gauges, a_record_in_the_middle_is_refused),
    (Gauges, asleep_beyond_the_session),
    (Gauges, asleep_and_then_another_one),
    (Resources, asleep_with_effects_in_hand),
    (Resources, asleep_with_effects_in_hand_and_then_another_one),
    (Resources, asleep_between_two_tries),
    (Resources, stopped_while_the_broker_was_away),
    (Enrichments, the_broker_comes_back_while_a_worker_stops),
]
