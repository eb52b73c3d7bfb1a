"""Reads poll statuses as blocks: a group `poll` with a row for each job."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from pollers.plugins.batch import Block, Row, Words
from schemas.records import PollStatus
from streams.sinks.naming.infos import POLL

UNITS: Final = {
    "duration": "milliseconds",
    "lateness": "milliseconds",
    "packets_sent": "packets",
    "retries": "retries",
    "values": "values",
}
OUTCOME: Final = "outcome"


class Statuses:
    """Makes blocks from statuses; one instance lives as long as its topic is read, since it caches rows."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Row | None] = {}
        self._words: dict[str, Words] = {}

    def blocks(self, statuses: Sequence[PollStatus], wanted: Callable[[Row], bool]) -> list[Block]:
        """Return one block of the selected statuses, or none."""
        found = [(row, one) for one in statuses if (row := self._row(one, wanted)) is not None]
        if not found:
            return []
        of = [one for _, one in found]
        return [
            Block(
                group=POLL,
                units=UNITS,
                names=tuple(UNITS),
                states=(OUTCOME,),
                missing=(),
                rows=[row for row, _ in found],
                slots=np.array([one.slot for one in of], dtype=np.int64),
                times_ms=np.array([one.started_at_ms for one in of], dtype=np.int64),
                durations_s=np.full(len(of), np.nan),
                numbers=np.array(
                    [(one.duration_ms, one.lateness_ms, one.packets_sent, one.retries, one.values) for one in of],
                    dtype=np.float64,
                ),
                words=[self._said(one) for one in of],
            )
        ]

    def _row(self, status: PollStatus, wanted: Callable[[Row], bool]) -> Row | None:
        key = (status.resource, status.job)
        found = self._rows.get(key)
        if found is None and key not in self._rows:
            row = Row(
                site=status.site,
                resource=status.resource,
                endpoint=status.endpoint,
                job=status.job,
                group=POLL,
                row=status.job,
                interval_s=status.interval_s,
                dimensions={},
                labels={},
                units=UNITS,
            )
            found = self._rows[key] = row if wanted(row) else None
        return found

    def _said(self, status: PollStatus) -> Words:
        word = status.outcome.value
        if word not in self._words:
            self._words[word] = Words({OUTCOME: word.lower()}, {}, {}, {})
        return self._words[word]
