"""Workers of an earlier version are replaced one by one: schemas, tables and ticks carry over."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from streams.playground.services import Stack
from tests.chaos.code import OURS, Code
from tests.chaos.follower import contradictions
from tests.chaos.pipeline import DEVICES, INTERVAL_S, STAGES, Pipeline, stopped_at_the_end

BEFORE: Final = os.environ.get("PANOPTES_BEFORE", "")
pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(not BEFORE, reason="needs PANOPTES_BEFORE: a checkout of an earlier version with its own .venv"),
]

#: the five stages of the first versions, and how many workers each has here
WORKERS: Final = {"discovery": 1, "resources": 1, "enrichment": 1, "polling": 2, "gauges": 2}
#: sections whose plugins came later
LATER: Final = tuple(f"enrichment:{name}" for name in ("neighbours", "addresses", "inventory", "bgp"))
#: what newer workers write while older ones read it
SHARED: Final = {"PANOPTES_PANOPTES_FORMAT": "0", "PANOPTES_REGISTRY_ALLOW_NEWER": "true"}


def test_workers_of_an_earlier_version_are_replaced_one_by_one(
    stack: Stack, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    earlier = Code(Path(BEFORE), f"{BEFORE}/.venv/bin/python", LATER)
    with stopped_at_the_end(Pipeline(stack, tmp_path, code=earlier)) as pipeline:
        pipeline.prepare()
        for stage, count in WORKERS.items():
            for _ in range(count):
                pipeline.add_worker(stage)
        pipeline.follower.start(60)
        pipeline.follower.until(
            "the earlier version polls every device", lambda: len(pipeline.follower.polled_since(0)) == DEVICES, 180
        )
        since_s = pipeline.recovered()
        pipeline.code = OURS
        pipeline.panoptes("topics", "create")
        for shared in (SHARED, {}):
            for stage in WORKERS:
                for worker in list(pipeline.workers[stage]):
                    pipeline.end(worker)
                    pipeline.ready(pipeline.add_worker(stage, **shared))
        for stage in {stage.name for stage in STAGES} - WORKERS.keys():
            pipeline.ready(pipeline.add_worker(stage))
        until_s = pipeline.recovered()
        found = pipeline.audit(since_s, until_s)
        right, wrong = pipeline.judge_gauges(until_s)
        missed, took_s = found["final"].get("MISSED", 0), until_s - since_s
        tell(
            f"upgrade of {sum(WORKERS.values())} workers, twice: {found['expected']} slots in {took_s:.0f} s,"
            f" {missed} missed, {found['missing_slots']} without a status, rates right {right}, wrong {len(wrong)}"
        )
        assert found["missing"] == [], json.dumps(found, indent=1)
        assert contradictions(pipeline.follower.statuses, INTERVAL_S, time.time()) == []
        assert wrong == []
        assert right > 0
