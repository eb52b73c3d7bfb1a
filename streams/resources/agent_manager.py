"""Merges sightings into the inventory, and removes resources that no section sees any more."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple, Protocol

from schemas.errors import RecordError
from schemas.records import DiscoveryRun, Resource
from streams.resources.entries import NOBODY, KnownResource, read_known, write_known
from streams.resources.holding import Holds, held
from streams.resources.inventory import OPERATOR, Sightings, expires_ms, is_news, merged, seen, unexpired
from streams.resources.overrides import alias_of, is_ignored, renamed
from streams.runtime.kernel.effects import NOTHING, Aside, Effects, Send, Write, decoding
from streams.runtime.kernel.folding import Fold
from streams.runtime.kernel.lifecycle import Part
from streams.runtime.kernel.records import Record
from streams.runtime.kernel.table import Table
from streams.runtime.registry.serde import UnknownSchema

log = logging.getLogger(__name__)

EXPIRE_EVERY_S: Final = 10.0
#: entries that are looked at before others get the event loop, and that are ended at once
_SLICE: Final = 100
#: how soon a sighting that is held is looked at again
_LOOK_AGAIN_MS: Final = 60_000


class ResourceSerde(Protocol):
    def encode(self, record: Resource) -> bytes: ...

    def decode(self, value: bytes) -> Resource: ...


class ManagerTopics(NamedTuple):
    """The names of the manager's topics."""

    sightings: str
    inventory: str


class Runs(Protocol):
    async def changes(self) -> Sequence[tuple[str, DiscoveryRun | None]]:
        """Return the last run of each section with a run since the last call."""
        ...


class Manager(Part):
    """The inventory of the partitions that this worker has."""

    def __init__(
        self,
        table: Table,
        *,
        sightings: ResourceSerde,
        inventory: ResourceSerde,
        topics: ManagerTopics,
        precedence: Sequence[str],
        now_ms: Callable[[], int],
    ) -> None:
        """`precedence`: the sections that count first where sightings differ."""
        self.table = table
        self.fold: Fold | None = None  #: the loop of the sightings; what expires is ended in its order
        self.runs: Runs | None = None  #: what became of the sections' runs
        self.holds: Holds = {}
        self.set_aside = 0  #: entries of the table that could not be read
        self._sightings = sightings
        self._inventory = inventory
        self._topics = topics
        self._precedence = precedence
        self._now_ms = now_ms
        #: by partition and resource, when the first of its sightings ends, Unix milliseconds
        self._ends_ms: dict[int, dict[bytes, int]] = {}
        self._lost: set[bytes] = set()  #: entries whose schema the registry does not know

    def known(self) -> int:
        """Return the number of known resources."""
        return sum(map(len, self._ends_ms.values()))

    def held(self) -> int:
        """Return the number of sections whose sightings are held."""
        now_ms = self._now_ms()
        return sum(until_ms > now_ms for until_ms in self.holds.values())

    async def gained(self, partition: int) -> None:
        """Look up when each resource of the partition expires."""
        ends = self._ends_ms[partition] = {}
        for nth, key in enumerate(self.table.keys(partition), 1):
            known = await self._look(partition, key)
            if known.sightings:
                ends[key] = _ends_ms(known.sightings)
            if nth % _SLICE == 0:
                await asyncio.sleep(0)

    def lost(self, partitions: frozenset[int]) -> None:
        for partition in partitions:
            self._ends_ms.pop(partition, None)

    async def _look(self, partition: int, key: bytes) -> KnownResource:
        """Return what is known of a resource, fetching schemas; nothing where that cannot be read."""
        while True:
            try:
                return self._known(partition, key)
            except UnknownSchema as unknown:
                await unknown.prepare()
            except RecordError as why:
                return self._unread(key, why)

    def _unread(self, key: bytes, why: RecordError) -> KnownResource:
        self.set_aside += 1
        log.warning("set aside, it is known anew at its next sighting resource=%r problem=%s", key, why)
        return NOBODY

    def _known(self, partition: int, key: bytes) -> KnownResource:
        """Return what is known of a resource. Raises RecordError where that cannot be read, UnknownSchema."""
        stored = self.table.get(partition, key)
        if stored is None:
            return NOBODY
        if stored in self._lost:
            raise RecordError("an entry of the table whose schema is lost")
        try:
            return read_known(stored, self._inventory.decode)
        except UnknownSchema as unknown:
            raise UnknownSchema(str(unknown), partial(self._prepare, unknown, stored)) from unknown

    async def _prepare(self, unknown: UnknownSchema, stored: bytes) -> None:
        """Fetch an entry's schema; where that is lost the entry is, and not the sighting that asks for it."""
        try:
            await unknown.prepare()
        except RecordError:
            self._lost.add(stored)

    def step(self, record: Record) -> Effects:
        """Take a sighting."""
        return decoding(self._sightings, partial(self._see, record.place.partition))(record)

    def _see(self, partition: int, key: str, sighting: Resource | None) -> Effects:
        raw = key.encode()
        if sighting is None:  # it is to be forgotten, whoever has seen it
            return self._became(partition, raw, None, {})
        asides: tuple[Aside, ...] = ()
        try:
            known = self._known(partition, raw)
        except RecordError as why:  # of the entry: the sighting is good, and is what is known from now on
            known, asides = NOBODY, (Aside(self.table.name, raw, self.table.get(partition, raw) or b"", why),)
            self.set_aside += 1
        if OPERATOR in sighting.plugins:
            return self._told(partition, raw, known, sighting)._replace(asides=asides)
        if is_ignored(known.sightings):
            return NOTHING
        if (alias := alias_of(known.sightings)) is not None:
            return Effects((self._under(alias, sighting),), asides=asides)
        after = seen(known.sightings, sighting)
        if not any(is_news(known.sightings.get(section), after[section]) for section in sighting.plugins):
            return NOTHING
        return self._became(partition, raw, known.published, after)._replace(asides=asides)

    def _told(self, partition: int, key: bytes, known: KnownResource, word: Resource) -> Effects:
        """Return what an operator's word leads to."""
        alias = alias_of({OPERATOR: word})
        if alias is None and not is_ignored({OPERATOR: word}):
            return self._became(partition, key, known.published, seen(known.sightings, word))
        stands = known.published is not None and not is_ignored(known.sightings) and alias_of(known.sightings) is None
        sends = [Send(self._topics.inventory, key, (None,))] if stands else []
        if alias is not None:  # what was seen stands under the new identity at once
            before = (each for section, each in known.sightings.items() if section != OPERATOR)
            sends = [*(self._under(alias, each) for each in before), *sends]
        value = write_known(word, {OPERATOR: word}, self._inventory.encode)
        return Effects(sends, (Write(key, value),), lambda: self._ends(partition, key, expires_ms(word)))

    def _under(self, identity: str, sighting: Resource) -> Send:
        """Return a sighting that is sent to who has the other identity. Raises RecordError."""
        try:
            now = renamed(sighting, identity)
        except ValueError as problem:
            raise RecordError(f"{identity!r} is no identity: site|class|subclass|type|id") from problem
        return Send(self._topics.sightings, identity.encode(), (self._sightings.encode(now),), anywhere=True)

    def _became(self, partition: int, key: bytes, published: Resource | None, sightings: Sightings) -> Effects:
        """Return what a change of the sightings leads to."""
        now = merged(sightings, self._precedence)
        if now is None:
            gone = (Send(self._topics.inventory, key, (None,)),), (Write(key, None),)
            return Effects(*gone, lambda: self._ends(partition, key, None))
        news = is_news(published, now)
        sends = (Send(self._topics.inventory, key, (self._inventory.encode(now),)),) if news else ()
        value = write_known(now if news or published is None else published, sightings, self._inventory.encode)
        return Effects(sends, (Write(key, value),), lambda: self._ends(partition, key, _ends_ms(sightings)))

    def _ends(self, partition: int, key: bytes, at_ms: int | None) -> None:
        ends = self._ends_ms.setdefault(partition, {})
        if at_ms is None:
            ends.pop(key, None)
        else:
            ends[key] = at_ms

    async def expire(self) -> None:
        """Remove expired sightings, and resources without any left."""
        for section, run in await self.runs.changes() if self.runs is not None else ():
            self.holds = held(self.holds, section, run)
        now_ms, fold = self._now_ms(), self.fold
        over = [
            (partition, key)
            for partition, ends in self._ends_ms.items()
            for key, at_ms in ends.items()
            if at_ms <= now_ms
        ]
        for begin in range(0, len(over), _SLICE):
            if fold is not None:
                await asyncio.gather(*(self._end(fold, *each) for each in over[begin : begin + _SLICE]))

    async def _end(self, fold: Fold, partition: int, key: bytes) -> None:
        try:
            await fold.submit(key.decode(), partial(self._expired, partition, key))
        except RecordError as why:  # what is not stored is tried again the next time, and keeps no other
            log.warning("not ended, trying again resource=%r problem=%s", key, why)

    def _expired(self, partition: int, key: bytes) -> Effects:
        try:
            known = self._known(partition, key)
        except RecordError as why:
            self._unread(key, why)
            self._ends(partition, key, None)
            return NOTHING
        now_ms = self._now_ms()
        left = unexpired(known.sightings, now_ms, self.holds)
        if len(left) == len(known.sightings):  # it was seen meanwhile, or is held
            self._ends(partition, key, max(_ends_ms(left), now_ms + _LOOK_AGAIN_MS))
            return NOTHING
        return self._became(partition, key, known.published, left)


def _ends_ms(sightings: Sightings) -> int:
    return min(map(expires_ms, sightings.values()))
