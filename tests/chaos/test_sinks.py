"""A store that is away or in a bad way, and sinks that die: afterwards it has everything, once, and right."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from streams.playground.services import Stack
from tests.chaos.conftest import LONG
from tests.chaos.sinks import Account, Between, Feeder, account, between
from tests.stages.gauges.pipe import kill
from tests.stages.gauges.scenarios import QUICK, WITHOUT
from tests.stages.sinks.sinkpipe import SinkPipe, StoppableStore

#: how long the store is away or in a bad way
AWAY_S: Final = float(os.environ.get("CHAOS_AWAY_S", "600")) if LONG else 20.0
KILLS: Final = 10 if LONG else 3
SECTION: Final = """
[sink:store]
plugin = prometheus-remote-write
url = {url}
timeout_s = 2
start = earliest
"""
CATCH_UP_S: Final = 300

#: tests/stages/sinks has short forms of these
only_long = pytest.mark.skipif(not LONG, reason="make chaos runs it")
pytestmark = pytest.mark.timeout(1_200)


class Scene(NamedTuple):
    """Gauges come each second, a worker takes them to the store through the proxy."""

    pipe: SinkPipe
    store: StoppableStore
    proxy: Between
    feeder: Feeder
    tell: Callable[[str], None]

    def start(self) -> "subprocess.Popen[bytes]":
        return self.pipe.start("store")

    def steady(self) -> None:
        """Wait until the sink follows."""
        self.pipe.wait(lambda: len(self.feeder.given) > 0 and self.pipe.lag_of("store") < 1_000, "it follows", 120)

    def settles(self, scenario: str, began_s: float) -> None:
        """See that all that has been given is in the store, and say so in a line."""
        broken_s, waited = time.monotonic() - began_s, self.pipe.lag_of("store")
        caught_up_s = self.pipe.wait(lambda: self.pipe.lag_of("store") < 1_000, "it has caught up", CATCH_UP_S)
        self.feeder.stop()
        self.pipe.wait(lambda: self.pipe.lag_of("store") == 0, "everything is in the store", 120)
        # the store shows a series that is new some seconds later
        self.pipe.wait(lambda: not self._found().missing, "everything can be asked for", 60)
        found, dead = self._found(), self.pipe.count(self.pipe.dead_topic)
        self.tell(
            f"| {scenario} | {broken_s:.0f} | {waited} | {caught_up_s:.1f} | {found.given} | {found.missing}"
            f" | {found.besides} | {found.wrong} | {dead} | {self.answers()} |"
        )
        assert found == Account(found.given, 0, 0, 0)
        assert found.given > 1_000
        assert dead == 0

    def answers(self) -> str:
        return ", ".join(f"{way} {often}" for way, often in sorted(self.proxy.answers.items()))

    def _found(self) -> Account:
        return account(self.feeder.given, self.store.points())


@pytest.fixture(scope="module")
def header(tell: Callable[[str], None]) -> None:
    tell("| scenario | broken s | waited | caught up s | gauges | missing | besides | wrong | dead letters | answers |")
    tell("|---|---|---|---|---|---|---|---|---|---|")


@pytest.fixture
def scene(stack: Stack, tmp_path: Path, tell: Callable[[str], None], header: None) -> Iterator[Scene]:
    bootstrap = stack.environment()["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"]
    with ExitStack() as all_of:
        store = all_of.enter_context(StoppableStore(tmp_path / "victoria-metrics"))
        proxy, url = all_of.enter_context(between(store))
        pipe = all_of.enter_context(
            SinkPipe(
                bootstrap, f"chaos{time.time_ns()}", tmp_path / "state", settings={**QUICK, **WITHOUT},
                ini=SECTION.format(url=url),
            )
        )  # fmt: skip
        feeder = all_of.enter_context(Feeder(pipe))
        yield Scene(pipe, store, proxy, feeder, tell)


def stopped(scene: Scene) -> None:
    scene.store.signal(signal.SIGSTOP)
    time.sleep(AWAY_S)
    scene.store.signal(signal.SIGCONT)


def ended(scene: Scene) -> None:
    scene.store.stop()
    time.sleep(AWAY_S)
    scene.store.start()


def cut(scene: Scene) -> None:
    scene.proxy.cut = True
    time.sleep(AWAY_S)
    scene.proxy.cut = False


def accidents(scene: Scene) -> None:
    scene.proxy.accidents = True
    time.sleep(AWAY_S)
    scene.proxy.accidents = False


@pytest.mark.parametrize("fault", [*(pytest.param(one, marks=only_long) for one in (stopped, ended, cut)), accidents])
def test_a_store_that_is_away_or_in_a_bad_way_has_everything_afterwards(scene: Scene, fault: Callable[[Scene], None]):
    scene.start()
    scene.steady()
    began_s = time.monotonic()
    fault(scene)
    scene.settles(f"store {fault.__name__}", began_s)


def test_a_sink_that_is_killed_again_and_again_has_lost_nothing(scene: Scene):
    worker = scene.start()
    scene.steady()
    began_s = time.monotonic()
    for _ in range(KILLS):
        asked = sum(scene.proxy.answers.values())
        kill(worker)
        worker = scene.start()
        scene.pipe.wait(lambda asked=asked: sum(scene.proxy.answers.values()) > asked + 2, "it writes again", 90)
    scene.settles(f"sink killed {KILLS} times", began_s)


@only_long
def test_workers_that_join_and_leave_have_lost_nothing(scene: Scene):
    first = scene.start()
    scene.steady()
    began_s = time.monotonic()
    for end in (lambda worker: worker.terminate(), kill):
        second = scene.start()
        scene.pipe.wait(lambda: "web server at" in scene.pipe.log(), "it is up", 90)
        scene.steady()
        end(first)
        assert first.wait(20) is not None
        scene.steady()
        first = second
    scene.settles("workers join, leave, die", began_s)
