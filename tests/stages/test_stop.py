"""SIGTERM ends every stage's worker within a bounded time, whatever is away."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from streams.pipeline import STAGES
from streams.playground.services import Stack
from tests.chaos.pipeline import SETTINGS, Pipeline, stopped_at_the_end
from tests.stages.sinks.sinkpipe import StoppableStore

SERVICES: Final = ("kafka", "zookeeper", "redis", "apicurio")
WITHOUT_A_GROUP: Final = {"topology"}
#: the steps of a stop that have to be given up take three seconds each, most of them side by side
ENDS_WITHIN_S: Final = 20.0

#: not named as the one of a stack that has a store: its URL would come from there
SINK: Final = """
[sink:gone]
plugin = prometheus-remote-write
url = {url}
timeout_s = 2
start = earliest
"""


@contextlib.contextmanager
def killed(stack: Stack, *names: str) -> Iterator[None]:
    """Have services away, without a farewell, as long as the block takes."""
    try:
        for name in names:
            stack.service(name).kill()
        yield
    finally:
        for name in SERVICES:
            stack.service(name).start()


@pytest.mark.timeout(300)
def test_workers_end_when_they_are_asked_though_every_service_and_the_store_are_gone(stack: Stack, tmp_path: Path):
    with StoppableStore(tmp_path / "victoria-metrics") as store:
        pipeline = Pipeline(stack, tmp_path, settings=SETTINGS + SINK.format(url=store.url))
        with stopped_at_the_end(pipeline):
            pipeline.prepare()
            workers = [pipeline.add_worker(stage.name) for stage in STAGES]
            until("every worker is ready", lambda: all(map(pipeline.is_ready, workers)), 120)
            until("gauges are in the store", lambda: bool(store.points()), 90)
            with killed(stack, *SERVICES):
                store.stop()
                # whoever has a group has seen by now that its coordinator is gone, which is when stopping was hard
                until("the workers have noticed", lambda: all(map(has_noticed, readers(pipeline))), 60)
                pipeline.end(*workers, within_s=ENDS_WITHIN_S)


def readers(pipeline: Pipeline) -> list[Path]:
    """Return the logs of the workers that have a group."""
    groups = [stage.name for stage in STAGES if stage.name not in WITHOUT_A_GROUP]
    return [worker.log for name in groups for worker in pipeline.workers[name]]


def has_noticed(log: Path) -> bool:
    return "Group Coordinator Request failed" in log.read_text()


def until(what: str, holds: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.2)
