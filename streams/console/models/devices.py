"""Every resource with what enrichment found, and its last polls; what is seldom looked at is kept packed."""

import json
import sys
import zlib
from collections import deque
from collections.abc import ItemsView, Iterator, Mapping, Sequence, ValuesView
from dataclasses import replace
from typing import Final, overload

from schemas.records import EnrichedResource, PollStatus

KEPT: Final = 50  #: polls of a resource


class PackedRows(Mapping[str, Mapping[str, str]]):
    """What enrichment found of each row, unpacked each time that it is asked for."""

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
    """Return the same record with its rows packed."""
    packed = {
        sys.intern(name): replace(found, rows=PackedRows(found.rows) if found.rows else {})
        for name, found in record.enrichments.items()
    }
    return replace(record, enrichments=packed)


class Polls(Sequence[PollStatus]):
    """The last polls of a resource, by slot, the newest last; a poll that is told again changes nothing."""

    def __init__(self) -> None:
        self._kept: deque[PollStatus] = deque(maxlen=KEPT)

    def take(self, poll: PollStatus) -> bool:
        """Take a poll; return whether it was news."""
        key = (poll.slot, poll.job)
        after = []
        while self._kept and (self._kept[-1].slot, self._kept[-1].job) > key:
            after.append(self._kept.pop())
        same = bool(self._kept) and (self._kept[-1].slot, self._kept[-1].job) == key
        # a slot that was missed by one worker and polled by another was polled, whichever was told first
        news = not same or (self._kept[-1].outcome == "MISSED" and poll.outcome != "MISSED")
        if same and news:
            self._kept.pop()
        if news:
            self._kept.append(poll)
        self._kept.extend(reversed(after))
        return news

    @overload
    def __getitem__(self, index: int) -> PollStatus: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[PollStatus]: ...
    def __getitem__(self, index: int | slice) -> PollStatus | Sequence[PollStatus]:
        return list(self._kept)[index] if isinstance(index, slice) else self._kept[index]

    def __len__(self) -> int:
        return len(self._kept)
