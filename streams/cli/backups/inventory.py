"""The inventory: what every section, and an operator, says of each resource. All else of a resource is found anew."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from schemas.records import Resource
from streams.cli.backups.form import Backup, StoredSchema, StoredSighting
from streams.cli.backups.parts import PutBack
from streams.cli.backups.schemas import SchemasOfBackup
from streams.pipeline import Topic
from streams.resources.entries import KnownResource, read_known
from streams.resources.inventory import OPERATOR
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.outbox import Outbox, Outgoing
from streams.runtime.kafka.replay import replay
from streams.runtime.kafka.topic_names import changelog_name, topic_name
from streams.runtime.kernel.context import now_ms
from streams.runtime.kernel.table import Table
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serde, Serdes, UnknownSchema
from streams.runtime.settings.loading import Settings

_AT_ONCE: Final = 1_000
_LARGEST: Final = 8 * 2**20


async def take(settings: Settings) -> list[StoredSighting]:
    """Return every sighting that the resources stage holds. Raises KafkaError, PanoptesError."""
    serdes = Serdes(settings, open_registry(settings))
    written = serdes.of(Topic.RESOURCES, Resource)
    await written.register()
    return [
        StoredSighting(identity, section, written.encode(sighting))
        for identity, known in sorted((await _known(settings, serdes)).items())
        for section, sighting in sorted(known.sightings.items())
    ]


async def put(settings: Settings, backup: Backup, *, overwrite: bool) -> PutBack:
    """Give the resources stage what sections said; what it holds of the same sections stays without `overwrite`.

    Each sighting has as long to live as it had when the backup was made. Raises KafkaError, PanoptesError, RecordError.
    """
    sightings = backup.of(StoredSighting)
    serdes = Serdes(settings, open_registry(settings))
    now = serdes.of(Topic.RESOURCES, Resource)
    await now.register()
    before: Serde[Resource] = Serdes(settings, SchemasOfBackup(backup.of(StoredSchema))).of(Topic.RESOURCES, Resource)
    known = await _known(settings, serdes)
    chosen = [
        entry
        for entry in sightings
        if overwrite or entry.identity not in known or entry.section not in known[entry.identity].sightings
    ]
    late_ms = max(now_ms() - backup.made_at_ms, 0)
    topic = topic_name(settings, Topic.RESOURCES)
    records = [
        Outgoing(topic, entry.identity.encode(), now.encode(later(await before.read(entry.record), late_ms)))
        for entry in chosen
    ]
    await _send(settings, records)
    return PutBack(len(chosen), len(sightings) - len(chosen))


def later(sighting: Resource, late_ms: int) -> Resource:
    """Return a sighting as if it were that much younger; an operator's word says itself until when it holds."""
    if OPERATOR in sighting.plugins:
        return sighting
    return replace(sighting, last_seen_ms=sighting.last_seen_ms + late_ms)


async def _known(settings: Settings, serdes: Serdes) -> dict[str, KnownResource]:
    """Return what the resources stage's table holds, from its changelog."""
    serde, table = serdes.of(Topic.INVENTORY, Resource), Table("known-resources")
    async for record in replay(client_options(settings.kafka), changelog_name(settings, "resources", table.name)):
        table.recover(record.partition, record.key, record.value)
    found: dict[str, KnownResource] = {}
    for partition in table.partitions():
        for key in table.keys(partition):
            stored = table.get(partition, key)
            if stored is not None:
                found[key.decode()] = await _entry(stored, serde)
    return found


async def _entry(stored: bytes, serde: Serde[Resource]) -> KnownResource:
    while True:
        try:
            return read_known(stored, serde.decode)
        except UnknownSchema as unknown:
            await unknown.prepare()


async def _send(settings: Settings, records: Sequence[Outgoing]) -> None:
    outbox = Outbox(client_options(settings.kafka), partitions=settings.kafka.partitions, max_request_bytes=_LARGEST)
    await outbox.start()
    try:
        for at in range(0, len(records), _AT_ONCE):
            await outbox.send_all(records[at : at + _AT_ONCE])
    finally:
        await outbox.stop()
