"""Resources with their enrichments and last polls; seldom-read parts are packed."""

import json
import struct
import sys
import zlib
from collections.abc import ItemsView, Iterator, Mapping, Sequence, ValuesView
from dataclasses import replace
from typing import Final, TypedDict, overload

from schemas.records import EnrichedResource, Outcome, PollStatus
from streams.console.models.states import DeviceHealth, worst

KEPT: Final = 50  #: polls of a resource
#: slot, start, since when unreachable, lateness, duration; slots, interval, packets, retries, values; outcome
_POLL: Final = struct.Struct("<qqqqqiiiiiB")
_NEVER: Final = -(2**63)
_OUTCOMES: Final = tuple(Outcome)
_NUMBER_OF: Final = {str(outcome): number for number, outcome in enumerate(_OUTCOMES)}
_MISSED: Final = _NUMBER_OF[str(Outcome.MISSED)]
_Texts = tuple[str, str, str, str, str, str]  #: resource, site, endpoint, job, reason, worker


class PollFields(TypedDict):
    """A poll as fastavro gives it: half a million are read at the start, and most are never looked at."""

    resource: str
    site: str
    endpoint: str
    job: str
    slot: int
    slots: int
    interval_s: int
    outcome: str
    reason: str
    started_at_ms: int
    lateness_ms: int
    duration_ms: int
    packets_sent: int
    retries: int
    values: int
    unreachable_since_ms: int | None
    worker: str


class PackedRows(Mapping[str, Mapping[str, str]]):
    """The enrichments of rows, unpacked at every access."""

    __slots__ = ("_packed",)

    def __init__(self, rows: Mapping[str, Mapping[str, str]]) -> None:
        self._packed = zlib.compress(json.dumps({key: dict(row) for key, row in rows.items()}).encode(), 1)

    def _rows(self) -> Mapping[str, Mapping[str, str]]:
        found: Mapping[str, Mapping[str, str]] = json.loads(zlib.decompress(self._packed))
        return found

    def __getitem__(self, key: str) -> Mapping[str, str]:
        return self._rows()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows())

    def __len__(self) -> int:
        return len(self._rows())

    def items(self) -> ItemsView[str, Mapping[str, str]]:
        return self._rows().items()

    def values(self) -> ValuesView[Mapping[str, str]]:
        return self._rows().values()


def slim(record: EnrichedResource) -> EnrichedResource:
    """Return the record with its rows packed."""
    packed = {
        sys.intern(name): replace(found, rows=PackedRows(found.rows) if found.rows else {})
        for name, found in record.enrichments.items()
    }
    return replace(record, enrichments=packed)


def haystack(record: EnrichedResource) -> str:
    """Return all searchable texts of a resource, casefolded, each on a line."""
    resource = record.resource
    told = [resource.resource_id, resource.endpoint, *resource.identifiers.values(), *resource.addresses]
    for found in record.enrichments.values():
        told += found.facts.values()
        for key, row in found.rows.items():
            told += [key, *row.values()]
    return "\n".join(dict.fromkeys(told)).casefold()


class Polls(Sequence[PollStatus]):
    """The last polls of a resource by slot, newest last, packed; a repeated poll changes nothing."""

    __slots__ = ("_jobs", "_last", "_numbers", "_state", "_texts")

    def __init__(self) -> None:
        self._numbers = bytearray()
        self._texts: list[_Texts] = []  #: the same one for polls that have the same
        self._jobs: tuple[str, ...] | None = ()  #: these are worked out when they are asked for
        self._last: PollStatus | None = None
        self._state: DeviceHealth | None = None

    def jobs(self) -> tuple[str, ...]:
        """Return the jobs that were polled, by name."""
        if self._jobs is None:
            self._jobs = tuple(sorted({texts[3] for texts in self._texts}))
        return self._jobs

    @property
    def lateness_ms(self) -> int:
        """Return how late the newest poll was, 0 where there is none; no record is made for it."""
        return int(_POLL.unpack_from(self._numbers, len(self._numbers) - _POLL.size)[3]) if self._texts else 0

    @property
    def worker(self) -> str:
        """Return who made the newest poll, empty where there is none."""
        return self._texts[-1][5] if self._texts else ""

    @property
    def last(self) -> PollStatus | None:
        """Return the newest poll, None where there is none."""
        if self._last is None and self._texts:
            self._last = self[-1]
        return self._last

    @property
    def state(self) -> DeviceHealth:
        """Return the worst state of the newest polls of all jobs."""
        if self._state is None:
            newest: dict[str, Outcome] = {}
            for at in reversed(range(len(self._texts))):
                newest.setdefault(self._texts[at][3], _OUTCOMES[self._outcome(at)])
                if len(newest) == len(self.jobs()):
                    break
            self._state = worst(newest.values())
        return self._state

    def take(self, poll: PollFields) -> bool:
        """Add a poll; return whether it was new."""
        at = len(self._texts)
        key = (poll["slot"], poll["job"])
        while at and self._key(at - 1) > key:
            at -= 1
        if at and self._key(at - 1) == key:
            # a slot that was missed by one worker and polled by another was polled, whichever was told first
            if not (self._outcome(at - 1) == _MISSED != _NUMBER_OF[poll["outcome"]]):
                return False
            at -= 1
            self._remove(at)
        elif len(self._texts) == KEPT:
            if not at:
                return False
            self._remove(0)
            at -= 1
        texts = (poll["resource"], poll["site"], poll["endpoint"], poll["job"], poll["reason"], poll["worker"])
        shared = next((each for each in reversed(self._texts) if each == texts), texts)
        self._texts.insert(at, shared)
        if self._jobs is not None and poll["job"] not in self._jobs:
            self._jobs = None
        self._numbers[at * _POLL.size : at * _POLL.size] = _packed(poll)
        self._last = self._state = None
        return True

    @overload
    def __getitem__(self, index: int) -> PollStatus: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[PollStatus]: ...
    def __getitem__(self, index: int | slice) -> PollStatus | Sequence[PollStatus]:
        places = range(len(self._texts))[index]
        return self._poll(places) if isinstance(places, int) else [self._poll(place) for place in places]

    def __len__(self) -> int:
        return len(self._texts)

    def _key(self, at: int) -> tuple[int, str]:
        return _POLL.unpack_from(self._numbers, at * _POLL.size)[0], self._texts[at][3]

    def _outcome(self, at: int) -> int:
        return self._numbers[(at + 1) * _POLL.size - 1]

    def _remove(self, at: int) -> None:
        if self._jobs is not None and len(self._jobs) > 1:
            self._jobs = None
        del self._texts[at]
        del self._numbers[at * _POLL.size : (at + 1) * _POLL.size]

    def _poll(self, at: int) -> PollStatus:
        resource, site, endpoint, job, reason, worker = self._texts[at]
        (slot, started_at_ms, since_ms, lateness_ms, duration_ms, slots, interval_s, packets_sent, retries, values,
         outcome) = _POLL.unpack_from(self._numbers, at * _POLL.size)  # fmt: skip
        return PollStatus(
            resource=resource, site=site, endpoint=endpoint, job=job, slot=slot, slots=slots, interval_s=interval_s,
            outcome=_OUTCOMES[outcome], reason=reason, started_at_ms=started_at_ms, lateness_ms=lateness_ms,
            duration_ms=duration_ms, packets_sent=packets_sent, retries=retries, values=values,
            unreachable_since_ms=None if since_ms == _NEVER else since_ms, worker=worker,
        )  # fmt: skip


def _packed(poll: PollFields) -> bytes:
    since_ms = poll["unreachable_since_ms"]
    return _POLL.pack(
        poll["slot"], poll["started_at_ms"], _NEVER if since_ms is None else since_ms, poll["lateness_ms"],
        poll["duration_ms"], poll["slots"], poll["interval_s"], poll["packets_sent"], poll["retries"], poll["values"],
        _NUMBER_OF[poll["outcome"]],
    )  # fmt: skip
