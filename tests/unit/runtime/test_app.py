"""A rebalance that meets a worker while it stops."""

from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streams.pipeline import stage
from streams.runtime.faust.app import StageApp
from streams.runtime.settings.loading import load


@pytest.fixture
def app(tmp_path: Any) -> StageApp:
    ini = tmp_path / "panoptes.ini"
    ini.write_text(f"[panoptes]\nstate_dir = {tmp_path}\n[web]\nbase_port = 0\n")
    return StageApp(stage("polling"), load(ini, {}))


async def test_a_worker_that_stops_in_a_rebalance_commits_what_it_has_done_before_it_leaves(
    app: StageApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    async def wound_up(*_: Any, **__: Any) -> None:
        steps.append("work has ended")

    async def commit() -> None:
        steps.append("committed")

    mine = TP("ticks", 1)
    consumer = SimpleNamespace(assignment=lambda: {mine}, commit=commit, close=lambda: steps.append("left"))
    monkeypatch.setattr(StageApp, "consumer", consumer)
    app.on_partitions_revoked.connect(wound_up, weak=False)
    app._stopped.set()
    await app._on_partitions_revoked({mine})
    assert steps == ["work has ended", "committed", "left"]
