"""Prints gauges as lines of JSON: `python consume_gauges.py BOOTSTRAP REGISTRY [TOPIC [GROUP]]`.

Needs `pip install "confluent-kafka[avro,schemaregistry]"`, and nothing of Panoptes.
"""

import json
import sys

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer


def main(bootstrap: str, registry: str, topic: str = "panoptes.gauges", group: str = "mine") -> None:
    """Print until interrupted; an offset is committed only after its gauge was printed."""
    # the registry has the schema that each record was written with
    read = AvroDeserializer(SchemaRegistryClient({"url": registry}))
    settings = {"group.id": group, "auto.offset.reset": "earliest", "enable.auto.offset.store": False}
    consumer = Consumer({"bootstrap.servers": bootstrap, **settings})
    consumer.subscribe([topic])
    try:
        while True:
            message = consumer.poll(1.0)
            if message is None:
                continue
            if message.error() is not None:
                raise KafkaException(message.error())
            gauge = read(message.value(), None)
            shown = {name: gauge[name] for name in ("resource", "group", "row", "time_ms", "gauges")}
            print(json.dumps(shown), flush=True)
            consumer.store_offsets(message)
    except KeyboardInterrupt:
        pass
    finally:
        consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
