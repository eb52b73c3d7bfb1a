"""The live view reads what any writer wrote, over whatever connection the settings say."""

import asyncio
import io
import ssl
from typing import Any

import fastavro
import pytest

from pollers.snmp.credentials import Secret
from schemas.codec import canonical, parse
from schemas.compat import RELEASED
from streams.pipeline import Topic
from streams.playground.demo import feed, view
from streams.playground.demo.board import Board
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import KafkaSettings, Settings
from tests.unit.runtime.registry.test_serde import Registry

OLD = (RELEASED / "0.1.0" / "gauge.avsc").read_text(encoding="utf-8")
GAUGE: dict[str, Any] = {
    "site": "lab", "resource": "lab|network|switch|acme|sw1", "endpoint": "192.0.2.1", "job": "j/p/60", "group": "g",
    "row": "Gi0/1", "interval_s": 60, "dimensions": {"alias": "up"}, "labels": {"rack": "7"}, "slot": 60,
    "time_ms": 60_000, "duration_s": 60.0, "gauges": {"octets_in": 1.0, "octets_out": 2.0}, "states": {},
    "missing": {"x": "gap"}, "confidence": {}, "counters": {},
}  # fmt: skip


async def test_a_gauge_of_an_earlier_release_is_read_with_its_own_schema() -> None:
    registry, board = Registry(), Board()
    await registry.id_for("other", '"string"')
    schema_id = await registry.id_for("panoptes.gauges-value", canonical(OLD))
    body = io.BytesIO()
    body.write(b"\0" + schema_id.to_bytes(4))
    fastavro.schemaless_writer(body, parse(OLD), GAUGE)
    reader = feed.FeedReader(board, Serdes(Settings(), registry))
    await reader.take(Topic.GAUGES, body.getvalue(), 61.0)
    assert (board.gauges, board.reasons, board.unreadable) == (1, {"gap": 1}, 0)
    assert [traffic.bits_out_per_s for traffic in board.busiest(1, 61.0)] == [16.0]


@pytest.mark.parametrize("value", [b"", b"{}", b"\0\0\0\0\x09x"], ids=["empty", "no-avro", "unknown-schema"])
async def test_a_record_that_cannot_be_read_is_counted_and_told(value: bytes) -> None:
    board = Board()
    reader = feed.FeedReader(board, Serdes(Settings(), Registry()))
    await reader.take(Topic.GAUGES, value, 61.0)
    await reader.take(Topic.DEAD_LETTERS, value, 61.0)
    assert (board.gauges, board.unreadable, board.dead_letters) == (0, 1, 1)
    assert "unreadable=1" in view.summary(board, 61.0)


async def test_the_connection_is_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class Consumer:
        def __init__(self, *topics: str, **options: Any) -> None:
            asked.update(options, topics=topics)

        async def start(self) -> None:
            raise asyncio.CancelledError

    monkeypatch.setattr(feed, "AIOKafkaConsumer", Consumer)
    kafka = KafkaSettings(
        bootstrap_servers="kafka.example.net:9093",
        security_protocol="SASL_SSL",
        sasl_username="viewer",
        sasl_password=Secret("of the viewer"),
    )
    with pytest.raises(asyncio.CancelledError):
        await feed.follow(Board(), Settings(kafka=kafka))
    assert asked["topics"] == ("panoptes.gauges", "panoptes.poll-status", "panoptes.dead-letters")
    assert (asked["bootstrap_servers"], asked["security_protocol"]) == ("kafka.example.net:9093", "SASL_SSL")
    assert isinstance(asked["ssl_context"], ssl.SSLContext)
    assert asked["sasl_plain_username"] == "viewer"
