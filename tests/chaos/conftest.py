"""The pipeline that is broken again and again, and the figures of each time."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from streams.playground.services import Stack
from tests.chaos.pipeline import PUBLISH_AHEAD_S, SESSION_TIMEOUT_S, Pipeline, stopped_at_the_end

#: `make chaos` sets it: every scenario, and for as long as docs/reliability/schedule.md says
LONG: Final = os.environ.get("CHAOS") == "long"
SHOWN: Final = (
    "scenario",
    "outage s",
    "gap s",
    "slots",
    "missed",
    "missing",
    "twice",
    "longest unpolled s",
    "late p99 ms",
    "rates right",
    "wrong",
)

_figures: list[dict[str, Any]] = []
_lines: list[str] = []


@pytest.fixture(scope="session")
def tell() -> Callable[[str], None]:
    """Return what keeps a line for the end of the run."""
    return _lines.append


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _lines:
        terminalreporter.section("chaos")
        for line in _lines:
            terminalreporter.write_line(line)
    if not _figures:
        return
    terminalreporter.section("the schedule under chaos")
    terminalreporter.write_line("| " + " | ".join(SHOWN) + " |")
    terminalreporter.write_line("|" + "---|" * len(SHOWN))
    for figures in _figures:
        terminalreporter.write_line("| " + " | ".join(str(figures[name]) for name in SHOWN) + " |")


@pytest.fixture(scope="module")
def pipeline(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with stopped_at_the_end(Pipeline(stack, tmp_path_factory.mktemp("chaos"))) as running:
        try:
            running.start()
            yield running
        finally:
            for service in ("kafka", "zookeeper", "redis"):
                stack.service(service).start()


@pytest.fixture
def survives(pipeline: Pipeline) -> Callable[..., dict[str, Any]]:
    """Return a function that breaks something, waits until all is well again, and accounts for every slot."""

    def run(scenario: str, fault: Callable[[Pipeline], float | None]) -> dict[str, Any]:
        """`fault` returns for how many seconds nobody could publish."""
        since_s = time.time()
        outage_s = fault(pipeline) or 0.0
        until_s = pipeline.recovered()
        gap_s = pipeline.follower.schedule_gap_s(since_s, until_s)
        found = pipeline.audit(since_s, until_s)
        right, wrong = pipeline.judge_gauges(until_s)
        _figures.append({
            "scenario": scenario, "outage s": round(outage_s, 1), "gap s": gap_s, "slots": found["expected"],
            "missed": found["final"].get("MISSED", 0), "missing": found["missing_slots"],
            "twice": len(found["polled_twice"]), "longest unpolled s": found["longest_unpolled_s"],
            "late p99 ms": found["lateness_ms"]["p99"], "rates right": right, "wrong": len(wrong),
        })  # fmt: skip
        assert found["expected"] > 0
        assert found["missing"] == [], json.dumps(found, indent=1)
        # what a worker that died had polled and not committed yet is polled again, and nothing else
        may_be_twice_s = pipeline.died_s if pipeline.died_s > since_s else 0.0
        assert all(twice["slot"] <= may_be_twice_s for twice in found["polled_twice"]), json.dumps(found, indent=1)
        assert wrong == []
        assert right > 0
        assert gap_s <= max(0.0, outage_s - PUBLISH_AHEAD_S) + SESSION_TIMEOUT_S
        return found

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
