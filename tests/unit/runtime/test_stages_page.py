"""The stage that docs/stages.md shows is a stage: built, given partitions and records, it does what the page says."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from schemas.records import Outcome, PollStatus
from streams.pipeline import Topic
from streams.runtime.kafka.outbox import Outbox
from streams.runtime.kernel.records import Place, Record
from streams.runtime.kernel.worker import Worker
from streams.runtime.settings.loading import Settings, load

PAGE: Final = Path(__file__).parents[3] / "docs" / "stages.md"
KEY: Final = "fra1|network|switch|cisco|sw1"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    ini = tmp_path / "panoptes.ini"
    ini.write_text(f"[panoptes]\nstate_dir = {tmp_path}\n")
    return load(ini, {})


@pytest.fixture
def example() -> dict[str, Any]:
    code = re.search(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert code is not None
    assert code[1].count("\n") <= 45, "the stage of the example is short"
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code[1], str(PAGE), "exec"), names)  # noqa: S102 - our own page
    return names


async def test_the_example_tells_of_devices_that_fall_silent_and_come_back(
    example: dict[str, Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[tuple[str, bytes | None]] = []

    async def send_in_order(_outbox: Outbox, topic: str, _partition: int, records: Any) -> None:
        stored.extend((topic, value) for _key, values in records for value in values)

    monkeypatch.setattr(Outbox, "send_in_order", send_in_order)
    worker: Worker = example["build"](settings)
    worker.host = SimpleNamespace(pause=lambda _: None, resume=lambda _: None, fail=pytest.fail)
    serde = worker.context.serdes.of(Topic.POLL_STATUS, PollStatus)
    await serde.register()
    place = Place(worker.context.topic_name(Topic.POLL_STATUS), 3)
    worker.assigned([place])
    worker.lifecycle.recovered()
    await worker.lifecycle.opened(3)
    outcomes = (Outcome.SUCCESS, Outcome.TIMEOUT, Outcome.MISSED, Outcome.TIMEOUT, Outcome.SUCCESS)
    for offset, outcome in enumerate(outcomes):
        status = PollStatus(
            resource=KEY, site="fra1", endpoint="192.0.2.1", job="snmp//60", slot=offset * 60, interval_s=60,
            outcome=outcome, reason="", started_at_ms=0, lateness_ms=0, duration_ms=0, packets_sent=0, retries=0,
            values=0, worker="w",
        )  # fmt: skip
        worker.inputs[Topic.POLL_STATUS](Record(place, offset, KEY.encode(), serde.encode(status)))
    await worker.revoked()
    told = [json.loads(value or b"") for topic, value in stored if topic == "panoptes.outages"]
    assert [(each["state"], each["slot"]) for each in told] == [("silent", 60), ("answers", 240)]
    assert worker.offsets.committable(place) == len(outcomes)
