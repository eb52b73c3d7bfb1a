"""The gauges of one poll under construction: numbers, and a reason for each absent one."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from streams.gauges.fold.plan import FoldPlan
from streams.gauges.reasons import DOUBT_SEPARATOR, Doubt, NoRate
from streams.gauges.samples.sample import DecodedSample, Numbers

Words: TypeAlias = tuple[tuple[str, str], ...]  #: name -> word


class Gone(NamedTuple):
    """The last gauge of a row that the device no longer has."""

    row: str  #: its key
    dimensions: Words  #: as they were
    units: Words  #: likewise
    missing: Words  #: everything that it had, and why there is none


class Rows(NamedTuple):
    """The gauges of one poll: `numbers` and `durations_s` are NaN where there is none."""

    sample: DecodedSample
    names: tuple[str, ...]
    numbers: Numbers  #: names x rows
    durations_s: Numbers  #: of each row
    missing: Mapping[int, Words]  #: row -> which names have no number or state, and why
    doubts: Mapping[int, Words]  #: row -> which rates are less than certain, and why
    plain: bool  #: every row has every number and a duration, and nothing is in doubt
    taken: tuple[str, ...]  #: derived values that no row has: something else has their name
    units: Words  #: of each name
    gone: tuple[Gone, ...]  #: rows of the last poll that this one lacks


class Findings:
    """The numbers and reasons found so far. The first reason given for a cell stays."""

    def __init__(self, now: DecodedSample, plan: FoldPlan) -> None:
        rows = now.shape.rows
        self.now = now
        self.plan = plan
        self.counters = plan.counters
        self.numbers: Numbers = np.empty((len(plan.names), rows))
        self.durations_s: Numbers = np.empty(rows)
        self._untimed = False
        self._missing: dict[int, dict[str, str]] = {}
        self._doubts: dict[int, dict[str, str]] = {}
        self.gone: tuple[Gone, ...] = ()
        self._add_levels()
        for part in now.missing:
            for row in part.rows:
                self.why(row, part.column, part.reason)

    def _add_levels(self) -> None:
        first = len(self.counters)
        self.numbers[first : first + len(self.now.levels)] = self.now.levels

    def why(self, row: int, name: str, reason: str) -> None:
        """Record why a cell has no number."""
        self._missing.setdefault(row, {}).setdefault(name, reason)

    def withdraw(self, row: int, name: str, reason: NoRate) -> None:
        """Replace a computed rate, and its doubt, by a reason."""
        self._doubts.get(row, {}).pop(name, None)
        self.why(row, name, reason)

    def no_rates(self, reason: NoRate, rows: Iterable[int]) -> None:
        """Record why rows have no rate at all; they have no duration either."""
        for row in rows:
            for name in self.counters:
                self.why(row, name, reason)
            self.durations_s[row] = np.nan
            self._untimed = True

    def reason(self, row: int, name: str) -> str | None:
        return self._missing.get(row, {}).get(name)

    def lacking(self, name: str) -> str:
        """Return the reason why this group of this device lacks a number."""
        return dict(self.now.shape.fixed.absent).get(name, NoRate.NO_SUCH_METRIC)

    def comparable(self) -> npt.NDArray[np.bool_]:
        """Return which counters of which rows have no reason yet, as a matrix of counters x rows."""
        free = np.ones((len(self.counters), self.now.shape.rows), dtype=np.bool_)
        place = {name: position for position, name in enumerate(self.counters)}
        for row, names in self._missing.items():
            for name in names:
                if name in place:
                    free[place[name], row] = False
        return free

    def doubt(self, row: int, name: str) -> str | None:
        return self._doubts.get(row, {}).get(name)

    def doubtful(self) -> set[int]:
        """Return the rows with a doubtful rate."""
        return set(self._doubts)

    def add_doubt(self, row: int, name: str, doubt: str) -> None:
        """Add a doubt to the cells of a matrix that have a rate."""
        known = self._doubts.setdefault(row, {})
        known[name] = f"{known[name]}{DOUBT_SEPARATOR}{doubt}" if name in known else doubt

    def doubt_all(self, doubt: Doubt) -> None:
        """Add a doubt to every rate."""
        for row in range(self.now.shape.rows):
            for name in self.counters:
                if self.reason(row, name) is None:
                    self.add_doubt(row, name, doubt)

    def blank(self) -> None:
        """Remove the numbers of cells with a reason."""
        if not self._missing:
            return
        place = {name: position for position, name in enumerate(self.plan.names)}
        for row, names in self._missing.items():
            for name in names:
                if name in place:
                    self.numbers[place[name], row] = np.nan

    def rows(self) -> Rows:
        return Rows(
            sample=self.now,
            names=self.plan.names,
            numbers=self.numbers,
            durations_s=self.durations_s,
            missing={row: tuple(words.items()) for row, words in self._missing.items()},
            doubts={row: tuple(words.items()) for row, words in self._doubts.items()},
            plain=not (self._missing or self._doubts or self._untimed),
            taken=self.plan.taken,
            units=self.plan.units,
            gone=self.gone,
        )
