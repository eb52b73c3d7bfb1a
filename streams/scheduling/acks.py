"""Acknowledges in order: an offset is released when it and everything before it in its partition is done.

Faust 0.15.3 commits past a gap at the head of a partition, so the order has to be kept before its `ack` is called.
"""

import enum
from collections.abc import Sequence


class Begin(enum.StrEnum):
    """What to do with a delivered message; also the metric's label."""

    START = "start"  #: new: do its work, then call `done`
    ADOPT = "adopt"  #: delivered again while its work goes on: do nothing, the running work's `done` covers it
    ACKED = "acked"  #: delivered again although it was acked (the commit was lost): ack it at once, do nothing


class Acks:
    """The messages of one partition that are in progress. Drop it when the partition is revoked.

    Offsets may have holes (compaction, control records); only those fetched or begun are waited for.
    """

    __slots__ = ("_acked", "_done", "_fetched")

    def __init__(self) -> None:
        #: offset -> whether its work is done; in order of offsets
        self._done: dict[int, bool] = {}
        #: of these, the ones that were fetched and whose work has not begun
        self._fetched: set[int] = set()
        self._acked = -1

    def fetched(self, offset: int) -> None:
        """Record that a message is on its way to the caller of `begin`: if it is lost there, nothing later is acked."""
        if offset > self._acked and offset not in self._done:
            self._add(offset)
            self._fetched.add(offset)

    def committed(self, offset: int) -> None:
        """Stop waiting for messages before this offset: they are not delivered again."""
        self._fetched = {each for each in self._fetched if each >= offset}
        self._done = {each: done for each, done in self._done.items() if each >= offset}

    def begin(self, offset: int) -> Begin:
        """Return whether to start the message's work. Call it for every message, in the order of the partition."""
        if offset in self._fetched:
            self._fetched.remove(offset)
            return Begin.START
        if offset in self._done:
            return Begin.ADOPT
        if offset <= self._acked:
            return Begin.ACKED
        self._add(offset)
        return Begin.START

    def _add(self, offset: int) -> None:
        # A consumer that was set back may deliver an older message than those in work: keep the order of offsets.
        in_order = not self._done or offset > next(reversed(self._done))
        self._done[offset] = False
        if not in_order:
            self._done = dict(sorted(self._done.items()))

    def done(self, offset: int) -> Sequence[int]:
        """Return the offsets to ack now, oldest first: empty while an older one is still in work.

        An offset that was never begun, or was acked already, is no error: its work outlived its tracker.
        """
        if offset not in self._done or offset in self._fetched:
            return []
        self._done[offset] = True
        ready: list[int] = []
        for each, finished in self._done.items():
            if not finished:
                break
            ready.append(each)
        for each in ready:
            del self._done[each]
        if ready:
            self._acked = ready[-1]
        return ready

    @property
    def in_work(self) -> int:
        """Return the number of messages that are fetched or begun, and not acked."""
        return len(self._done)

    @property
    def head(self) -> int | None:
        """Return the offset that later ones wait for, None where nothing is in progress."""
        return next(iter(self._done), None)

    @property
    def committable(self) -> int | None:
        """Return the offset from which a new owner must continue, None before anything is known."""
        head = self.head
        if head is not None:
            return head
        return self._acked + 1 if self._acked >= 0 else None
