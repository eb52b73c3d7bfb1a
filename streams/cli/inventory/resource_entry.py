"""Reads the table entry of one resource: every sighting, and which fields the merge took from which."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from schemas.records import Resource
from streams.pipeline import Topic
from streams.resources.entries import NOBODY, KnownResource, read_known
from streams.resources.inventory import Sightings, expires_ms, merged
from streams.resources.overrides import alias_of, is_ignored
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.partitions import partition_of
from streams.runtime.kafka.replay import replay
from streams.runtime.kafka.topic_names import changelog_name, topic_name
from streams.runtime.kernel.table import Table
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes, UnknownSchema
from streams.runtime.settings.loading import Settings

_FIELDS = ("endpoint", "zone", "labels", "identifiers", "addresses")


async def read_entry(settings: Settings, identity: str) -> KnownResource:
    """Read a resource's entry in the stage's table from its changelog. Raises KafkaError, PanoptesError."""
    serde = Serdes(settings, open_registry(settings)).of(Topic.INVENTORY, Resource)
    table, key = Table("known-resources"), identity.encode()
    partition = partition_of(key, settings.kafka.partitions)
    changelog = changelog_name(settings, "resources", table.name)
    async for record in replay(client_options(settings.kafka), changelog, only={partition}):
        if record.key == key:
            table.recover(partition, key, record.value)
    stored = table.get(partition, key)
    if stored is None:
        return NOBODY
    while True:
        try:
            return read_known(stored, serde.decode)
        except UnknownSchema as unknown:
            await unknown.prepare()


async def tell(settings: Settings, identity: str, word: Resource | None) -> None:
    """Publish an operator's override of a resource; None: forget it. Raises KafkaError, PanoptesError."""
    value = None
    if word is not None:
        serde = Serdes(settings, open_registry(settings)).of(Topic.RESOURCES, Resource)
        await serde.register()
        value = serde.encode(word)
    producer = AIOKafkaProducer(**client_options(settings.kafka))
    await producer.start()
    try:
        key = identity.encode()
        partition = partition_of(key, settings.kafka.partitions)
        await producer.send_and_wait(topic_name(settings, Topic.RESOURCES), key=key, value=value, partition=partition)
    finally:
        await producer.stop()


def described(known: KnownResource, precedence: Sequence[str]) -> Iterator[str]:
    """Yield lines with the published record, the section behind each of its parts, and every sighting."""
    now = merged(known.sightings, precedence)
    if now is None:
        return
    if is_ignored(known.sightings) or (alias := alias_of(known.sightings)) is not None:
        yield f"{now.identity} is {'ignored' if is_ignored(known.sightings) else f'called {alias} now'}"
        return
    yield now.identity
    for name in _FIELDS:
        for what, value in _parts(name, getattr(now, name)):
            yield f"  {what} = {value}  <- {', '.join(_from(known.sightings, name, what, value, now))}"
    for section in _ranked(known.sightings, precedence):
        each = known.sightings[section]
        yield f"seen by {section}, last {_time(each.last_seen_ms)}, until {_time(expires_ms(each))}"
        for name in _FIELDS:
            for what, value in _parts(name, getattr(each, name)):
                yield f"  {what} = {value}"


def _parts(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        yield from ((f"{name}.{key}", text) for key, text in sorted(value.items()))
    elif isinstance(value, str):
        if value:
            yield name, value
    elif isinstance(value, Iterable):
        yield from ((name, each) for each in value)


def _from(sightings: Sightings, name: str, what: str, value: str, now: Resource) -> Sequence[str]:
    """Return the sections that say a part as it was taken; the one that decided it is among them."""
    return [section for section in now.plugins if (what, value) in _parts(name, getattr(sightings[section], name))]


def _ranked(sightings: Sightings, precedence: Sequence[str]) -> Sequence[str]:
    """Return the sections in the order in which they count."""
    ranks = {section: rank for rank, section in enumerate(precedence)}
    return sorted(sightings, key=lambda section: (ranks.get(section, len(ranks)), section))


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
