"""Reconstructs from ticks who has led a stage, including leaders that have died."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from schemas.records import Tick

MOST_TERMS_SEEN: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTerm:
    """One leader's term, from its first tick seen."""

    epoch: int
    leader: str  #: host:pid
    first_slot: int  #: Unix seconds
    published_at_ms: int  #: when it published that


@dataclass(frozen=True, slots=True)
class SeenTerms:
    """The latest terms in the order of their epochs."""

    seen: tuple[SeenTerm, ...] = ()
    changes: int = 0  #: how often a leader followed another one, also those that are no longer listed

    def after(self, ticks: Iterable[Tick]) -> "SeenTerms":
        """Return the terms with those of these ticks added; ticks of known or ended epochs add nothing."""
        seen, changes = list(self.seen), self.changes
        for tick in ticks:
            if not seen or tick.epoch > seen[-1].epoch:
                changes += bool(seen)
                seen.append(
                    SeenTerm(
                        epoch=tick.epoch,
                        leader=tick.leader,
                        first_slot=tick.slot,
                        published_at_ms=tick.published_at_ms,
                    )
                )
        return self if len(seen) == len(self.seen) else SeenTerms(tuple(seen[-MOST_TERMS_SEEN:]), changes)
