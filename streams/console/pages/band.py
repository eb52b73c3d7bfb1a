"""The states of a row over time as segments of a coloured band; pure."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from streams.console.models.rows import StateChange

WIDTH: Final = 1000.0


class Piece(NamedTuple):
    """One state while it lasted, in thousandths of the band."""

    word: str
    start: float
    length: float
    since_s: int


def word_of(states: Mapping[str, str]) -> str:
    """Return the state that a band shows: an interface's operational state, else the first one."""
    return states.get("oper_state") or next(iter(states.values()), "")


def band(changes: Sequence[StateChange], now: Mapping[str, str], start_s: int, end_s: int) -> Sequence[Piece]:
    """Return the segments between two times; the time before the first known state is left out."""
    told = [(change.slot, word_of(dict(change.states))) for change in changes] or [(start_s, word_of(now))]
    found: list[Piece] = []
    for place, (since_s, word) in enumerate(told):
        until_s = told[place + 1][0] if place + 1 < len(told) else end_s
        begin_s = max(since_s, start_s)
        if word and until_s > begin_s and begin_s < end_s:
            scale = WIDTH / max(1, end_s - start_s)
            found.append(Piece(word, (begin_s - start_s) * scale, (min(until_s, end_s) - begin_s) * scale, since_s))
    return found
