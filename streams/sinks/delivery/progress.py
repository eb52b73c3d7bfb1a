"""Tracks the delivery of a batch: a fold over the store's answers.

A run of records goes out as one request. Where a store will not have it, it goes in halves, in order, until single
records are left; a record that is bad goes in halves of its series. A record is never split for being a repeat: all of
its series were sent together the first time.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from pollers.plugins.batch import Refused, Row, Written
from streams.sinks.delivery.answers import Answer, Judged
from streams.sinks.delivery.refusals import Refusals, Whose, whose
from streams.sinks.encoding.pieces import Pieces

#: what a piece is made of: how people write each series, and its bytes
Parts = Callable[[bytes], Sequence[tuple[str, bytes]]]


_HOPELESS: Final = 8


class SeriesPart(NamedTuple):
    """One series of a record."""

    owner: Whose
    series: str
    octets: bytes
    numbers: int  #: 1 or, of what is no number, 0


class _Records(NamedTuple):
    """A run of records, by their places in the batch."""

    first: int
    last: int  #: without this one


_Run = _Records | tuple[SeriesPart, ...]


class Delivery:
    """One batch in delivery; `next` gives the same bytes until `answered` has been called."""

    def __init__(self, pieces: Sequence[Pieces], parts: Parts, refusals: Refusals, now_ms: int) -> None:
        self._pieces: Final = [one for one in pieces if one.ends]
        self._parts: Final = parts
        self._refusals: Final = refusals
        self._starts: Final = [0]
        for one in self._pieces:
            self._starts.append(self._starts[-1] + len(one.ends))
        self._runs: list[_Run] = []  #: the next one last
        self._stored = self._repeats = self._passed_over = 0
        self._refused: list[Refused] = []
        self.halved = 0  #: how often a run was halved
        self._put(self._without_refused(now_ms) if refusals.count else [_Records(0, self._starts[-1])])

    def next(self, max_bytes: int) -> bytes | None:
        """Return the next bytes to send, about that many where divisible; None when all is done."""
        while self._runs:
            run = self._runs[-1]
            octets = self._octets(run)
            if not octets:
                self._runs.pop()
            elif len(octets) > max_bytes and _size(run) > 1:
                self._halve()
            else:
                return octets
        return None

    def answered(self, judged: Judged, now_ms: int) -> None:
        """Apply the store's answer to the last bytes; BUSY and KEPT_OUT change nothing."""
        if judged.answer in (Answer.BUSY, Answer.KEPT_OUT):
            return
        run = self._runs[-1]
        if judged.answer is Answer.STORED:
            self._stored += self._numbers(self._runs.pop())
        elif _size(run) > 1:
            self.halved += 1
            self._halve()
        elif judged.answer is Answer.REPEAT:
            self._repeats += self._numbers(self._runs.pop())
        elif isinstance(run, _Records):
            self._runs.pop()
            self._put([tuple(self._parts_of(run.first))])
        else:
            (part,) = run
            self._runs.pop()
            self._refused.append(Refused(part.series, judged.said))
            self._refusals.add(part.owner, part.series, now_ms)

    @property
    def hopeless(self) -> bool:
        """Return whether several series were rejected and nothing accepted, so that the address is probably wrong."""
        return len(self._refused) >= _HOPELESS and not self._stored and not self._repeats

    def written(self, before: Iterable[Refused] = ()) -> Written:
        """Return the result of the batch; `before` was rejected before anything was sent."""
        return Written(self._stored, self._repeats, (*before, *self._refused), self._passed_over)

    def _put(self, runs: Sequence[_Run]) -> None:
        self._runs += [run for run in reversed(runs) if _size(run)]

    def _halve(self) -> None:
        run = self._runs.pop()
        middle = _size(run) // 2
        if isinstance(run, _Records):
            self._put([_Records(run.first, run.first + middle), _Records(run.first + middle, run.last)])
        else:
            self._put([run[:middle], run[middle:]])

    def _within(self, run: _Records) -> Iterable[tuple[Pieces, int, int]]:
        """Yield the pieces that the run goes through, and from where to where in them."""
        for start, one in zip(self._starts, self._pieces, strict=False):
            first, last = max(run.first - start, 0), min(run.last - start, len(one.ends))
            if first < last:
                yield one, first, last

    def _octets(self, run: _Run) -> bytes:
        if isinstance(run, _Records):
            return b"".join(one.between(first, last) for one, first, last in self._within(run))
        return b"".join(part.octets for part in run)

    def _numbers(self, run: _Run) -> int:
        if isinstance(run, _Records):
            return sum(one.numbers * (last - first) for one, first, last in self._within(run))
        return sum(part.numbers for part in run)

    def _parts_of(self, record: int) -> list[SeriesPart]:
        ((one, at, _),) = self._within(_Records(record, record + 1))
        owner = whose(one.rows[at] if one.rows else None)
        return [
            SeriesPart(owner, series, octets, int(position < one.numbers))
            for position, (series, octets) in enumerate(self._parts(one.between(at, at + 1)))
        ]

    def _without_refused(self, now_ms: int) -> list[_Run]:
        """Return runs of what is to be sent, records of which some series are refused as series."""
        runs: list[_Run] = []
        begun = 0
        for start, one in zip(self._starts, self._pieces, strict=False):
            rows: Sequence[Row | None] = one.rows or [None] * len(one.ends)
            for at, row in enumerate(rows):
                refused = self._refusals.of(whose(row), now_ms)
                if refused:
                    parts = self._parts_of(start + at)
                    good = tuple(part for part in parts if part.series not in refused)
                    self._passed_over += sum(part.numbers for part in parts) - sum(part.numbers for part in good)
                    runs += [_Records(begun, start + at), good]
                    begun = start + at + 1
        return [*runs, _Records(begun, self._starts[-1])]


def _size(run: _Run) -> int:
    return run.last - run.first if isinstance(run, _Records) else len(run)
