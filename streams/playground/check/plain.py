"""Reads gauges and poll statuses with aiokafka and fastavro, where confluent-kafka is not installed."""

import asyncio
import contextlib
import io
import json
import logging
import time
import urllib.request
from collections.abc import Iterator
from typing import Final

import fastavro
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from streams.playground.check.record import ReadRecord

BATCH: Final = 2_000
RETRY_S: Final = 0.5
#: of the Confluent wire format: a zero, and the schema's id in four bytes
HEADER_BYTES: Final = 5


class PlainTopics:
    """Reads all records of some topics from the beginning, in an event loop of its own."""

    client: Final = "aiokafka (an independent client: pip install 'panoptes-streams[demo]')"

    def __init__(self, bootstrap: str, registry: str, prefix: str, names: tuple[str, ...]) -> None:
        self._loop = asyncio.new_event_loop()
        self._bootstrap = bootstrap
        self._registry = registry
        self._names = {f"{prefix}.{name}": name for name in names}
        self._schemas: dict[int, object] = {}
        self._consumer: AIOKafkaConsumer | None = None  #: in `open`

    def open(self, deadline_s: float) -> bool:
        """Wait until the topics exist, and start reading; False where they do not by the deadline (monotonic)."""
        return self._loop.run_until_complete(self._open(deadline_s))

    async def _open(self, deadline_s: float) -> bool:
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics that are being made: no news
        started = False
        while time.monotonic() < deadline_s:
            with contextlib.suppress(KafkaError):
                if not started:
                    await self._consumer.start()
                    started = True
                if self._names.keys() <= await self._consumer.topics():
                    self._consumer.subscribe(list(self._names))
                    return True
            await asyncio.sleep(RETRY_S)
        return False

    def read(self, timeout_s: float) -> Iterator[ReadRecord]:
        """Return the records that arrive by then. Raises KafkaError, and ValueError or EOFError for a record that is no
        Avro.
        """
        if self._consumer is None:
            return
        asked = self._consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=BATCH)
        for partition, records in self._loop.run_until_complete(asked).items():
            for record in records:
                raw = record.value or b""
                name = self._names[partition.topic]
                yield ReadRecord(name, (record.key or b"").decode(), self._decoded(raw), raw, time.time() * 1000)

    def _decoded(self, raw: bytes) -> dict[str, object]:
        if not raw:
            return {}
        schema_id = int.from_bytes(raw[1:HEADER_BYTES], "big")
        if schema_id not in self._schemas:
            url = f"{self._registry}/schemas/ids/{schema_id}"
            with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 (http, as our registry is given)
                self._schemas[schema_id] = fastavro.parse_schema(json.loads(json.load(response)["schema"]))
        value = fastavro.schemaless_reader(io.BytesIO(raw[HEADER_BYTES:]), self._schemas[schema_id], None)
        if not isinstance(value, dict):
            raise ValueError(f"a record of schema {schema_id} is no Avro record")  # noqa: TRY004 (of data, not of code)
        return value

    def close(self) -> None:
        if self._consumer is not None:
            self._loop.run_until_complete(self._consumer.stop())
        self._loop.close()
