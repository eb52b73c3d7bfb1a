"""A bounded cache of series; the least recently used are dropped.

Polls come round by round. Where the least recently used had to go, the first series beyond the bound would leave every
other one out just before its turn. So who is there stays as long as it is polled; who does not fit is a guest, read
from the table at each poll.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from streams.gauges.fold.advance import State
from streams.gauges.samples.form import RecordForm

#: how many keys are looked at, at most, for each series that is put there
_LOOKS: Final = 4
#: a series that was not polled for so many intervals gives its place away
_STALE_INTERVALS: Final = 4

_Key = tuple[int, bytes]


@dataclass(slots=True)
class Series:
    """The state of one series; its entries are the table's own objects."""

    name: str
    state: State | None = None  #: without the prior sample, which only a replay asks for
    side: int = 1  #: where the last sample's entry stands
    newest: bytes | None = None  #: that entry
    older: bytes | None = None  #: the prior sample's
    before: Mapping[str, bytes] = field(default_factory=dict)  #: states of transforms before the last sample
    after: Mapping[str, bytes] = field(default_factory=dict)  #: and after it
    form: RecordForm | None = None
    size: int = 0  #: bytes that it counts for

    def is_stale(self, slot: int) -> bool:
        """Return whether the series had not been polled for long at that slot."""
        if self.state is None:
            return True
        last = self.state.last
        return slot - last.slot > _STALE_INTERVALS * last.shape.fixed.interval_s


class SeriesCache:
    """Series by partition and record key."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes: Final = most_bytes
        #: the least recently used first
        self._known: Final[OrderedDict[_Key, dict[str, Series]]] = OrderedDict()
        self._guests: Final[dict[_Key, None]] = {}
        self.size = 0  #: bytes, about

    def __len__(self) -> int:
        return len(self._known)

    def get(self, partition: int, key: bytes) -> MutableMapping[str, Series] | None:
        """Return the series of a key, and mark it as used."""
        found = self._known.get((partition, key))
        if found is not None:
            self._known.move_to_end((partition, key))
        return found

    def put(self, partition: int, key: bytes, series: Series, size: int) -> None:
        """Store a series of so many bytes, and evict others where there is no room."""
        place = (partition, key)
        is_new = place not in self._known
        self._known.setdefault(place, {})[series.name] = series
        self._known.move_to_end(place)
        self.size += size - series.size
        series.size = size
        for oldest in self._stale(0 if series.state is None else series.state.last.slot):
            self._drop(oldest)
        if self.size <= self._most_bytes:
            self._guests.clear()
        elif is_new:
            self._guests[place] = None
        for guest in list(islice(self._guests, _LOOKS)):
            if guest != place:
                self._drop(guest)

    def forget(self, partitions: Iterable[int] | None = None) -> None:
        """Forget the series of those partitions (None: of all)."""
        left = None if partitions is None else set(partitions)
        for place in [place for place in self._known if left is None or place[0] in left]:
            self._drop(place)

    def _stale(self, slot: int) -> Iterator[_Key]:
        for _ in range(_LOOKS):
            place, known = next(iter(self._known.items()))
            stale = all(series.is_stale(slot) for series in known.values())
            if self.size <= self._most_bytes or not stale:
                return
            yield place

    def _drop(self, place: _Key) -> None:
        self.size -= sum(series.size for series in self._known.pop(place).values())
        self._guests.pop(place, None)
