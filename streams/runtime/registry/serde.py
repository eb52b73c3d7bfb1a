"""Encodes and decodes records in the Confluent wire format: a zero byte, the schema id in 4 bytes, the Avro body."""

import io
import struct
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar, cast

import fastavro

from schemas.codec import Schema, canonical, canonical_text, from_avro, parse, parsed_schema, to_avro
from schemas.errors import BackendError, FatalError, RecordError
from streams.pipeline import TOPICS, Topic
from streams.runtime.kafka.topic_names import topic_name
from streams.runtime.ops.waiting import wait_for
from streams.runtime.registry.newer import refuse_newer
from streams.runtime.registry.opening import Registry
from streams.runtime.settings.loading import Settings

R = TypeVar("R")

HEADER_BYTES: Final = 5
_HEADER: Final = struct.Struct(">bI")
#: read when this is imported, so that no event loop waits for a disk
_SCHEMAS: Final = {spec.schema: parsed_schema(spec.schema) for spec in TOPICS.values()}
#: what fastavro raises on bytes that are not what the schema says
_DAMAGE: Final = (EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, StopIteration)
#: what it raises where the writer's schema and ours do not go together
_MISMATCH: Final = fastavro.read.SchemaResolutionError


class UnknownSchema(BackendError):
    """The record's schema has not been fetched yet: `await prepare()`, then decode it."""

    def __init__(self, text: str, prepare: Callable[[], Awaitable[None]]) -> None:
        super().__init__(text)
        self.prepare = prepare  #: raises as `Serde.prepare`


class Serde(Generic[R]):
    """Encodes and decodes the records of one topic: the reader's schema is ours, the writer's is found by its id.

    `encode` needs `register` to have been done; `decode` knows the schemas that `register` and `prepare` have fetched.
    """

    def __init__(self, topic: str, schema: str, record: type[R], registry: Registry) -> None:
        self.topic: Final = topic
        self._header = b""
        self._schema_name = schema
        self._schema = _SCHEMAS[schema]
        self._record = record
        self._registry = registry
        #: writer's schema by id, None where it is ours
        self._writers: dict[int, Schema | None] = {}

    @property
    def subject(self) -> str:
        return f"{self.topic}-value"

    @property
    def header(self) -> bytes:
        """Return the 5 bytes before every body, for callers that pack bodies themselves. Raises FatalError before
        `register`.
        """
        if not self._header:
            raise FatalError(f"the schema of {self.topic} was not registered before a record was written")
        return self._header

    async def register(self) -> None:
        """Fetch our schema's id, and every schema of this topic's records so far.

        Raises BackendError (try again), FatalError (not compatible with what stands in the topic).
        """
        schema_id = await self._registry.id_for(self.subject, canonical_text(self._schema_name))
        for earlier in await self._registry.ids_of(self.subject):
            await self._learn(earlier)
        self._writers[schema_id] = None
        self._header = _HEADER.pack(0, schema_id)

    def encode(self, record: R) -> bytes:
        """Encode the record. Raises FatalError before `register`, ValueError, TypeError for another record."""
        body = io.BytesIO()
        body.write(self.header)
        fastavro.schemaless_writer(body, self._schema, to_avro(record))
        return body.getvalue()

    def decode(self, value: bytes) -> R:
        """Decode the record. Raises RecordError for bytes that are none, UnknownSchema if `prepare` must come first."""
        datum = self.decode_dict(value)
        try:
            return from_avro(self._record, datum)
        except _DAMAGE as problem:
            raise RecordError(f"a record of {self.topic} has values that do not fit: {problem}") from problem

    def decode_dict(self, value: bytes) -> dict[str, object]:
        """Decode the record to fastavro's dict, without a dataclass. Raises as `decode`."""
        schema_id = self._schema_id(value)
        try:
            writer = self._writers[schema_id]
        except KeyError:
            text = f"schema id {schema_id} of a record of {self.topic} is not known yet"
            raise UnknownSchema(text, lambda: self.prepare(value)) from None
        body = io.BytesIO(value)
        body.seek(HEADER_BYTES)
        try:
            datum: dict[str, object] = (
                fastavro.schemaless_reader(body, self._schema, None)
                if writer is None
                else fastavro.schemaless_reader(body, writer, self._schema)
            )
        except _MISMATCH as problem:
            raise RecordError(
                f"a record of {self.topic} has schema id {schema_id}, which ours cannot read"
            ) from problem
        except _DAMAGE as problem:
            what = "a truncated body" if body.tell() >= len(value) else "a body that does not fit its schema"
            where = f"{len(value)} bytes, schema id {schema_id}"
            why = str(problem) or type(problem).__name__
            raise RecordError(f"a record of {self.topic} ({where}) has {what}: {why}") from problem
        if body.tell() != len(value):
            extra = len(value) - body.tell()
            raise RecordError(f"a record of {self.topic} (schema id {schema_id}) has {extra} trailing bytes")
        return datum

    def is_own(self, value: bytes) -> bool:
        """Return whether the record is written with our own schema. Raises RecordError for no record."""
        return self._writers.get(self._schema_id(value), self) is None

    async def prepare(self, value: bytes) -> None:
        """Return when `decode` knows the schema of this record; waits for a registry that is away.

        Raises RecordError for a record without a schema id, or with one that the registry does not know.
        """
        schema_id = self._schema_id(value)
        if schema_id not in self._writers:
            await wait_for(
                "schema registry",
                f"schema id {schema_id} of topic {self.topic}",
                lambda: self._learn(schema_id),
                absent=(BackendError,),
            )

    async def read(self, value: bytes) -> R:
        """Decode the record, fetching its schema first if need be. Raises RecordError."""
        await self.prepare(value)
        return self.decode(value)

    async def _learn(self, schema_id: int) -> None:
        text = await self._registry.schema_for(schema_id)
        try:
            same = canonical(text) == canonical_text(self._schema_name)
            self._writers[schema_id] = None if same else parse(text)
        except (ValueError, TypeError, KeyError, fastavro.schema.SchemaParseException) as problem:
            raise RecordError(f"schema id {schema_id} is no Avro schema: {problem}") from problem

    def _schema_id(self, value: bytes) -> int:
        if not value or value[0] != 0:
            found = f"{value[0]:#04x}" if value else "nothing"
            raise RecordError(f"a record of {self.topic} has no magic byte: expected 0x00 first, found {found}")
        if len(value) < HEADER_BYTES:
            raise RecordError(f"a record of {self.topic} ends within its schema id, after {len(value)} bytes")
        schema_id: int = _HEADER.unpack_from(value)[1]
        return schema_id


class Serdes:
    """The serdes of every topic, sharing one registry."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings = settings
        self._registry = registry
        self._serdes: dict[Topic, Serde[object]] = {}

    def of(self, topic: Topic, record: type[R]) -> Serde[R]:
        """Return the serde of a topic, the same one each time."""
        if topic not in self._serdes:
            name = topic_name(self._settings, topic)
            made = Serde(name, TOPICS[topic].schema, record, self._registry)
            self._serdes[topic] = cast("Serde[object]", made)
        return cast("Serde[R]", self._serdes[topic])

    async def register(self) -> None:
        """Register the schemas of every topic in order, even those that this process does not use.

        Raises BackendError (try again), FatalError: also where a newer version than ours has registered any.
        """
        if not self._settings.registry.allow_newer:
            for topic, spec in TOPICS.items():
                subject = f"{topic_name(self._settings, topic)}-value"
                await refuse_newer(self._registry, subject, canonical_text(spec.schema))
        for topic, spec in TOPICS.items():
            if topic in self._serdes:
                await self._serdes[topic].register()
            else:
                await self._registry.id_for(f"{topic_name(self._settings, topic)}-value", canonical_text(spec.schema))
