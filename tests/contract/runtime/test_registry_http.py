"""Our registry client against a real Confluent-compatible registry, and our records against its own deserializer."""

import json
import uuid
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.codec import canonical, canonical_text, to_avro
from schemas.errors import BackendError, FatalError, RecordError
from schemas.records import Tick
from streams.runtime.registry.opening import HttpRegistry
from streams.runtime.registry.serde import Serde
from streams.runtime.settings.sections import RegistrySettings
from tests.strategies import CLASSES, records_of

TICK = canonical_text("tick")


@pytest.fixture(scope="module")
def url(stack):
    return stack.environment()["PANOPTES_REGISTRY_URL"]


@pytest.fixture(scope="module")
def client(url):
    with SchemaRegistryClient({"url": url}) as made:
        yield made


@pytest.fixture
def registry(url):
    return HttpRegistry(RegistrySettings(url=url))


@pytest.fixture
def subject():
    return f"t{uuid.uuid4().hex}-value"


async def test_a_schema_has_the_same_id_for_every_client(registry, url, subject):
    schema_id = await registry.id_for(subject, TICK)
    again = HttpRegistry(RegistrySettings(url=f"{url}/"))
    assert await again.id_for(subject, TICK) == schema_id
    assert canonical(await again.schema_for(schema_id)) == TICK
    assert await again.ids_of(subject) == [schema_id]


async def test_a_subject_without_versions_has_no_ids(registry, subject):
    assert await registry.ids_of(subject) == []


async def test_an_unknown_id_is_a_fault_of_the_record(registry):
    with pytest.raises(RecordError, match="unknown schema id 1234567890"):
        await registry.schema_for(1_234_567_890)


async def test_a_schema_that_cannot_read_any_earlier_version_is_refused(registry, subject):
    """BACKWARD_TRANSITIVE: the third is compatible with the second, but not with the first."""
    await registry.id_for(subject, TICK)
    await registry.id_for(subject, TICK.replace('{"name":"epoch","type":"long"},', ""))
    with pytest.raises(FatalError, match="refused POST"):
        await registry.id_for(subject, TICK.replace('"epoch","type":"long"', '"epoch","type":"string","default":""'))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        pytest.param("http://127.0.0.1:9", "cannot be asked", id="nobody-listens"),
        pytest.param("{url}/nowhere", "no schema registry at", id="wrong-path"),
    ],
)
async def test_an_absent_registry_is_waited_for(url, subject, wrong, says):
    absent = HttpRegistry(RegistrySettings(url=wrong.format(url=url)))
    with pytest.raises(BackendError, match=says):
        await absent.id_for(subject, TICK)
    with pytest.raises(BackendError, match=says):
        await absent.schema_for(1)


async def opened(url: str, name: str) -> Serde[Any]:
    serde: Serde[Any] = Serde(
        f"t-{name}-{uuid.uuid4().hex}", name, CLASSES[name], HttpRegistry(RegistrySettings(url=url))
    )
    await serde.register()
    return serde


@pytest.mark.parametrize("name", sorted(CLASSES))
@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=25)
@given(data=st.data())
async def test_what_confluents_deserializer_reads_equals_what_ours_reads(url, client, name, data):
    if name not in SERDES:
        SERDES[name] = await opened(url, name), AvroDeserializer(client)
    serde, theirs = SERDES[name]
    value = serde.encode(data.draw(records_of(name)))
    read = theirs(value, SerializationContext(serde.topic, MessageField.VALUE))
    assert read == serde.decode_dict(value)
    assert read == json_like(to_avro(serde.decode(value)))


SERDES: dict[str, Any] = {}


def json_like(value: Any) -> Any:
    """Tuples as lists, all the way down: that is how Avro arrays come out of a reader."""
    if isinstance(value, dict):
        return {key: json_like(one) for key, one in value.items()}
    return [json_like(one) for one in value] if isinstance(value, list | tuple) else value


async def test_what_confluents_serializer_writes_is_read_by_ours(url, client):
    serde = await opened(url, "tick")
    newer = json.loads(TICK)
    newer["fields"].append({"name": "zone", "type": "string", "default": ""})
    theirs = AvroSerializer(client, json.dumps(newer))
    tick = Tick(stage="polling", slot=60, partition=1, epoch=2, leader="l", published_at_ms=3)
    value = theirs({**to_avro(tick), "zone": "z"}, SerializationContext(serde.topic, MessageField.VALUE))
    assert value is not None
    assert value[:5] != serde.header
    assert await serde.read(value) == tick


async def test_after_a_restart_every_version_of_the_topic_is_known_at_once(url, client):
    serde = await opened(url, "tick")
    older = json.loads(TICK)
    older["fields"] = [field for field in older["fields"] if field["name"] != "gap_from"]
    theirs = AvroSerializer(client, json.dumps(older))
    tick = Tick(stage="polling", slot=60, partition=1, epoch=2, leader="l", published_at_ms=3)
    datum = {name: value for name, value in to_avro(tick).items() if name != "gap_from"}
    value = theirs(datum, SerializationContext(serde.topic, MessageField.VALUE))
    assert value is not None
    restarted = Serde(serde.topic, "tick", Tick, HttpRegistry(RegistrySettings(url=url)))
    await restarted.register()
    assert restarted.decode(value) == tick
