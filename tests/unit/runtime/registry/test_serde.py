"""Records survive the wire; damaged bytes give a clear error; an absent registry is waited for."""

import io
import json
import struct
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import canonical_text
from schemas.errors import BackendError, FatalError, RecordError
from schemas.records import Resource, Tick
from streams.pipeline import TOPICS, Topic
from streams.runtime.ops import waiting
from streams.runtime.registry.serde import Serde, Serdes, UnknownSchema
from streams.runtime.settings.loading import Settings
from tests.examples import examples
from tests.strategies import CLASSES, records_of

TICK = Tick(stage="polling", slot=60, partition=3, epoch=7, leader="h:1", published_at_ms=50_000)
RESOURCE = Resource(
    site="s", resource_class="c", resource_subclass="u", resource_type="t", resource_id="i", endpoint="e",
    plugins=("p",), first_seen_ms=1, last_seen_ms=2, ttl_s=3, labels={"a": "b"},
)  # fmt: skip


class Registry:
    """A registry in memory that can be away."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.subjects: dict[str, list[int]] = {}
        self.failures = 0
        self.asked: list[Any] = []

    def _be_asked(self, what: Any) -> None:
        self.asked.append(what)
        if self.failures:
            self.failures -= 1
            raise BackendError("registry is away")

    async def id_for(self, subject: str, schema_text: str) -> int:
        self._be_asked(subject)
        if schema_text not in self.texts:
            self.texts.append(schema_text)
        schema_id = self.texts.index(schema_text) + 1
        versions = self.subjects.setdefault(subject, [])
        if schema_id not in versions:
            versions.append(schema_id)
        return schema_id

    async def schema_for(self, schema_id: int) -> str:
        self._be_asked(schema_id)
        if not 0 < schema_id <= len(self.texts):
            raise RecordError(f"unknown schema id {schema_id}")
        return self.texts[schema_id - 1]

    async def ids_of(self, subject: str) -> list[int]:
        return self.subjects.get(subject, [])


@pytest.fixture
def registry() -> Registry:
    return Registry()


async def opened(name: str, registry: Registry, topic: str = "t") -> Serde[Any]:
    serde: Serde[Any] = Serde(topic, name, CLASSES[name], registry)
    await serde.register()
    return serde


@pytest.mark.parametrize("name", sorted(CLASSES))
@settings(max_examples=examples(50))
@given(data=st.data())
async def test_what_is_encoded_is_decoded_to_the_same_record(name, data):
    serde = await opened(name, Registry())
    record = data.draw(records_of(name))
    value = serde.encode(record)
    assert value[:5] == serde.header == b"\0\0\0\0\1"
    assert serde.decode(value) == record
    assert await serde.read(value) == record


async def test_a_record_cannot_be_written_before_its_schema_is_registered(registry):
    with pytest.raises(FatalError, match="schema of t was not registered"):
        Serde("t", "tick", Tick, registry).encode(TICK)


async def test_a_column_may_be_any_sequence(registry):
    serde = await opened("resource", registry)
    assert serde.decode(serde.encode(Resource(**{**as_dict(RESOURCE), "plugins": ["p"]}))) == RESOURCE


def as_dict(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        pytest.param(lambda _: b"", "no magic byte: expected 0x00 first, found nothing", id="empty"),
        pytest.param(lambda value: b"\x01" + value[1:], "no magic byte: expected 0x00 first, found 0x01", id="magic"),
        pytest.param(lambda _: b'{"a": 1}', "no magic byte: expected 0x00 first, found 0x7b", id="json"),
        pytest.param(lambda value: value[:4], "ends within its schema id, after 4 bytes", id="header"),
        pytest.param(lambda value: value[:5], "truncated body", id="no-body"),
        pytest.param(lambda value: value[:-1], "truncated body", id="truncated"),
        pytest.param(lambda value: value + b"x", "1 trailing bytes", id="trailing"),
        pytest.param(lambda value: value[:5] + b"\xff" * 30, "truncated body", id="endless-number"),
        pytest.param(lambda value: value[:5] + b"\x02\xff" + value[7:], "does not fit its schema", id="no-utf-8"),
        pytest.param(lambda value: b"\0\0\0\0\x09" + value[5:], "unknown schema id 9", id="unknown-id"),
    ],
)
async def test_damage_is_named(registry, damage, says):
    serde = await opened("tick", registry, topic="panoptes.ticks")
    with pytest.raises(RecordError) as caught:
        await serde.read(damage(serde.encode(TICK)))
    assert says in str(caught.value)


@settings(max_examples=examples(50))
@pytest.mark.parametrize("name", sorted(CLASSES))
@given(data=st.data())
async def test_no_bytes_raise_anything_but_a_record_error(name, data):
    serde = await opened(name, Registry())
    value = bytearray(serde.encode(data.draw(records_of(name))))
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(5, max(5, len(value) - 1)))
        value[position : position + 1] = data.draw(st.binary(max_size=3))
    try:
        again = serde.decode(bytes(value))
    except RecordError:
        return
    assert serde.decode(serde.encode(again)) == again or "nan" in repr(again)


async def test_a_record_of_an_older_writer_is_read_with_the_defaults_of_today(registry):
    old = json.loads(canonical_text("poll_status"))
    old["fields"] = [field for field in old["fields"] if field["name"] not in ("slots", "unreachable_since_ms")]
    registry.texts.append(json.dumps(old))
    registry.subjects["t-value"] = [1]
    serde = await opened("poll_status", registry)
    assert serde.header == b"\0\0\0\0\2"
    status = {
        "resource": "r", "site": "s", "endpoint": "e", "job": "j", "slot": 60, "interval_s": 60, "outcome": "AUTH",
        "reason": "", "started_at_ms": 1, "lateness_ms": 2, "duration_ms": 3, "packets_sent": 4, "retries": 5,
        "values": 6, "worker": "w",
    }  # fmt: skip
    decoded = serde.decode(b"\0\0\0\0\1" + body(old, status))
    assert (decoded.slots, decoded.unreachable_since_ms, decoded.values) == (1, None, 6)


async def test_a_record_of_a_newer_writer_is_read_without_what_is_new(registry):
    serde = await opened("tick", registry)
    new = json.loads(canonical_text("tick"))
    new["fields"].insert(0, {"name": "zone", "type": "string"})
    registry.texts.append(json.dumps(new))
    value = b"\0\0\0\0\2" + body(new, {"zone": "z", **as_dict(TICK)})
    with pytest.raises(UnknownSchema, match="schema id 2"):
        serde.decode(value)
    assert await serde.read(value) == TICK
    assert serde.decode(value) == TICK


def body(schema: Any, datum: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), datum)
    return out.getvalue()


async def test_a_schema_that_does_not_resolve_is_a_record_error(registry):
    serde = await opened("tick", registry)
    other = {"type": "record", "name": "Other", "fields": [{"name": "x", "type": "int"}]}
    registry.texts += [json.dumps(other), "no schema"]
    for schema_id in (2, 3):
        with pytest.raises(RecordError):
            await serde.read(struct.pack(">bI", 0, schema_id) + body(other, {"x": 1}))


async def test_an_absent_registry_is_waited_for_and_told(registry, monkeypatch, caplog):
    monkeypatch.setattr(waiting, "RETRY_S", 0)
    writer = await opened("tick", registry)
    reader = Serde("t", "tick", Tick, registry)
    registry.failures = 3
    assert await reader.read(writer.encode(TICK)) == TICK
    assert "waiting for schema registry" in caplog.text
    assert "schema id 1" in caplog.text


async def test_registering_does_not_wait_by_itself_so_that_the_worker_may_stop(registry):
    registry.failures = 1
    with pytest.raises(BackendError):
        await Serde("t", "tick", Tick, registry).register()


async def test_a_known_schema_is_asked_for_once(registry):
    serde = await opened("tick", registry)
    before = list(registry.asked)
    for _ in range(3):
        await serde.read(serde.encode(TICK))
    assert registry.asked == before


async def test_schemas_are_registered_in_the_maps_order_under_the_topics_names(registry):
    prefix = Settings().panoptes.topic_prefix
    serdes = Serdes(Settings(), registry)
    ticks = serdes.of(Topic.TICKS_POLLING, Tick)
    assert serdes.of(Topic.TICKS_POLLING, Tick) is ticks
    await serdes.register()
    subjects = [asked for asked in registry.asked if isinstance(asked, str)]
    assert subjects == [f"{prefix}.{topic}-value" for topic in TOPICS]
    assert registry.texts[0] == canonical_text("resource")
    assert ticks.decode(ticks.encode(TICK)) == TICK
