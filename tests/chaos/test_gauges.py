"""The gauges stage, killed ten times in a row under load: no gauge is missing, and none is different."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.playground.services import Stack
from tests.bench.gauges.polls import Load
from tests.chaos.conftest import LONG
from tests.stages.gauges.pipe import Pipe
from tests.stages.gauges.scenarios import QUICK, WITHOUT, kill_again_and_again

log = logging.getLogger(__name__)

pytestmark = [pytest.mark.timeout(900), pytest.mark.skipif(not LONG, reason="make chaos runs it")]


@pytest.fixture
def pipe(stack: Stack, tmp_path: Path) -> Iterator[Pipe]:
    bootstrap = stack.environment()["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"]
    with Pipe(bootstrap, f"gauges{time.time_ns()}", tmp_path, settings={**QUICK, **WITHOUT}) as fresh:
        yield fresh


def test_ten_kills_in_a_row_lose_and_change_nothing(pipe: Pipe) -> None:
    repeats = kill_again_and_again(pipe, Load(resources=20, slots=200, rows=24, counters=12), kills=10)
    log.info("gauges=%d of them repeats=%d, all alike", pipe.count(pipe.gauge_topic), repeats)
