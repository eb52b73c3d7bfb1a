"""Encodes states as numbers: one series for each possible value, 1 for the present value and 0 for the others."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from pollers.plugins.batch import Block
from streams.sinks.naming.names import MAX_VALUES, Naming


class StateSeries(NamedTuple):
    state: str  #: its name in the record
    name: str  #: of the series, and of its label
    value: str


class States:
    """The series of states; values that the vocabulary lacks are added as they occur."""

    def __init__(self, naming: Naming) -> None:
        self._naming: Final = naming
        self._learnt: dict[tuple[str, str], dict[str, None]] = {}

    def series(self, block: Block) -> Sequence[StateSeries]:
        """Return the series of all states that rows of the block have, or no longer have."""
        gone = [name for name in block.missing if name not in block.units and self._is_state(block.group, name)]
        found = []
        for state in (*block.states, *gone):
            if self._naming.is_text(block.group, state):
                continue
            name = self._naming.state(block.group, state)
            found += [StateSeries(state, name, value) for value in self._values(block, state)]
        return found

    def _is_state(self, group: str, name: str) -> bool:
        return (group, name) in self._learnt or bool(self._naming.values(group, name))

    def _values(self, block: Block, state: str) -> Sequence[str]:
        learnt = self._learnt.get((block.group, state))
        if learnt is None:
            learnt = self._learnt[block.group, state] = dict.fromkeys(self._naming.values(block.group, state))
        if state in block.states:
            for words in {id(words): words for words in block.words}.values():
                if words.states[state]:  # an empty label is none
                    learnt.setdefault(words.states[state])
        return tuple(learnt) if len(learnt) <= MAX_VALUES else ()
