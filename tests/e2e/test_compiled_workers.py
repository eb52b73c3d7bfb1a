"""Workers with compiled modules: Faust, the plugins and Kafka's clients get on with them, and every rate is true."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from streams.playground.services import Stack
from tests.chaos.code import Code
from tests.chaos.pipeline import Pipeline, stopped_at_the_end

#: stands in the name of the library that compiled modules share
MACHINE_CODE: Final = "__mypyc."


@pytest.fixture
def pipeline(stack: Stack, compiled: Path, tmp_path: Path) -> Iterator[Pipeline]:
    with stopped_at_the_end(Pipeline(stack, tmp_path, code=Code(compiled))) as running:
        yield running


@pytest.mark.timeout(900)  # the compiler's time is in it
def test_compiled_workers_poll_every_device_and_every_rate_is_true(pipeline: Pipeline, compiled: Path) -> None:
    pipeline.start(polling_workers=1)
    (worker,) = pipeline.workers["polling"]
    mapped = Path(f"/proc/{worker.born.pid}/maps").read_text().splitlines()
    assert any(str(compiled) in line and MACHINE_CODE in line for line in mapped)
    right, wrong = pipeline.judge_gauges(pipeline.recovered())
    assert wrong == []
    assert right > 0
