"""Reads gauges and poll statuses with confluent-kafka and its own Avro deserializer."""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer

from streams.playground.check.record import ReadRecord

BATCH: Final = 2_000
RETRY_S: Final = 0.5


def login(environ: Mapping[str, str]) -> dict[str, str | int | float | bool]:
    """Return the client's log-in settings from the variables that point the pipeline at the broker."""
    names = {
        "security.protocol": "PANOPTES_KAFKA_SECURITY_PROTOCOL",
        "sasl.mechanism": "PANOPTES_KAFKA_SASL_MECHANISM",
        "sasl.username": "PANOPTES_KAFKA_SASL_USERNAME",
        "sasl.password": "PANOPTES_KAFKA_SASL_PASSWORD",
        "ssl.ca.location": "PANOPTES_KAFKA_SSL_CA_FILE",
    }
    return {option: environ[name] for option, name in names.items() if name in environ}


class Topics:
    """Reads all records of some topics from the beginning."""

    client: Final = "confluent-kafka"

    def __init__(self, bootstrap: str, registry: str, prefix: str, names: tuple[str, ...]) -> None:
        self._consumer = Consumer({
            "bootstrap.servers": bootstrap, "group.id": f"{prefix}-independent-check", "enable.auto.commit": False,
            "enable.partition.eof": False, "log_level": 2, **login(os.environ),
        })  # fmt: skip
        self._registry = SchemaRegistryClient({"url": registry})
        self._decode = AvroDeserializer(self._registry)
        self._names = {f"{prefix}.{name}": name for name in names}

    def open(self, deadline_s: float) -> bool:
        """Wait until the topics exist, and start reading; False where they do not by the deadline (monotonic)."""
        while time.monotonic() < deadline_s:
            with contextlib.suppress(KafkaException):
                known = self._consumer.list_topics(timeout=5).topics
                if all(name in known and known[name].partitions for name in self._names):
                    self._consumer.assign([
                        TopicPartition(name, partition, OFFSET_BEGINNING)
                        for name in self._names
                        for partition in known[name].partitions
                    ])  # fmt: skip
                    return True
            time.sleep(RETRY_S)
        return False

    def read(self, timeout_s: float) -> Iterator[ReadRecord]:
        """Return the records that arrive by then. Raises KafkaException, and SerializationError for a record that is no
        Avro.
        """
        first = self._consumer.poll(timeout_s)
        if first is None:
            return
        for message in (first, *self._consumer.consume(BATCH, 0)):
            if message.error() is not None:
                raise KafkaException(message.error())
            raw, key = message.value() or b"", message.key() or b""
            value = self._decode(raw, None) if raw else {}
            yield ReadRecord(self._names[message.topic() or ""], key.decode(), value, raw, time.time() * 1000)

    def close(self) -> None:
        self._consumer.close()
        self._registry.close()
