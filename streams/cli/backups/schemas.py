"""The schemas of the registry, with the ids that stand in the records of the topics."""

from collections.abc import Sequence

from schemas.errors import FatalError, RecordError
from streams.cli.backups.form import StoredSchema
from streams.cli.backups.parts import PutBack
from streams.pipeline import TOPICS
from streams.runtime.kafka.topic_names import topic_name
from streams.runtime.registry.opening import open_registry
from streams.runtime.settings.loading import Settings


async def take(settings: Settings) -> list[StoredSchema]:
    """Return every version of the subjects of the map's topics. Raises BackendError."""
    registry = open_registry(settings)
    return [
        StoredSchema(subject, schema_id, await registry.schema_for(schema_id))
        for subject in (f"{topic_name(settings, topic)}-value" for topic in TOPICS)
        for schema_id in await registry.ids_of(subject)
    ]


async def put(settings: Settings, schemas: Sequence[StoredSchema]) -> PutBack:
    """Register those that are missing, in the order of their ids, so that an empty registry gives them the same ones.

    Where one gets another id, records that were written with it cannot be read: it has failed. Raises BackendError.
    """
    registry = open_registry(settings)
    done, same, failed = 0, 0, []
    for schema in sorted(schemas, key=lambda one: one.schema_id):
        there = schema.schema_id in await registry.ids_of(schema.subject)
        try:
            schema_id = await registry.id_for(schema.subject, schema.text)
        except FatalError as problem:
            failed.append(f"{schema.subject}: {problem}")
            continue
        if schema_id != schema.schema_id:
            failed.append(
                f"{schema.subject}: the schema with the id {schema.schema_id} is {schema_id} in this registry; "
                f"records with {schema.schema_id} in topics cannot be read with it"
            )
        elif there:
            same += 1
        else:
            done += 1
    return PutBack(done, same, failed=failed)


class SchemasOfBackup:
    """A registry that knows what the backup knows, to read its records with."""

    def __init__(self, schemas: Sequence[StoredSchema]) -> None:
        self._texts = {schema.schema_id: schema.text for schema in schemas}

    async def schema_for(self, schema_id: int) -> str:
        """Return the text. Raises RecordError for an id that the backup does not have."""
        if schema_id not in self._texts:
            raise RecordError(f"schema id {schema_id} is not in the backup")
        return self._texts[schema_id]

    async def id_for(self, subject: str, schema_text: str) -> int:  # noqa: ARG002
        """Raise FatalError: a backup is only read."""
        raise FatalError(f"nothing is registered in a backup: {subject}")

    async def ids_of(self, subject: str) -> list[int]:  # noqa: ARG002
        """Return all ids."""
        return list(self._texts)
