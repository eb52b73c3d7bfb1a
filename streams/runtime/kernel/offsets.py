"""Tracks the offsets that may be committed: none passes a record whose work is not finished."""

from collections.abc import Iterable, Iterator

from streams.runtime.kernel.records import Place
from streams.scheduling.acks import Acks, Begin


class Offsets:
    """One tracker for each input partition of this worker."""

    def __init__(self) -> None:
        self._trackers: dict[Place, Acks] = {}

    def fetched(self, place: Place, offset: int) -> None:
        """Record that a record is on its way to its agent: if it is lost there, nothing later is committed."""
        self._tracker(place).fetched(offset)

    def begin(self, place: Place, offset: int) -> Begin:
        """Record that work on a record has begun, and return whether it is new."""
        return self._tracker(place).begin(offset)

    def committed(self, place: Place, offset: int) -> None:
        """Record that a partition is read from this offset on; everything before it was done."""
        tracker = self._trackers.get(place)
        if tracker is not None:
            tracker.committed(offset)

    def _tracker(self, place: Place) -> Acks:
        tracker = self._trackers.get(place)
        if tracker is None:
            tracker = self._trackers[place] = Acks()
        return tracker

    def done(self, place: Place, offset: int) -> None:
        """Record that all effects of a record are done; records of partitions that have left are ignored."""
        tracker = self._trackers.get(place)
        if tracker is not None:
            tracker.done(offset)

    def committable(self, place: Place) -> int | None:
        """Return the offset from which a new owner must continue, or None where it is unknown."""
        tracker = self._trackers.get(place)
        return None if tracker is None else tracker.committable

    def in_flight(self, place: Place | None = None) -> int:
        """Return the number of unfinished records of one partition, or of all."""
        trackers = self._trackers.values() if place is None else filter(None, (self._trackers.get(place),))
        return sum(tracker.in_work for tracker in trackers)

    def places(self) -> Iterator[Place]:
        """Yield the tracked partitions."""
        return iter(tuple(self._trackers))

    def forget(self, places: Iterable[Place]) -> None:
        """Drop the trackers of partitions that are about to be delivered again from their committed offset."""
        for place in places:
            self._trackers.pop(place, None)
