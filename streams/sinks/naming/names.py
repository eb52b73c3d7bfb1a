"""Names numbers and states for stores outside Kafka, and gives the scale of each number."""

import re
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from pollers.vocabulary.load import load
from pollers.vocabulary.model import MetricKind, Vocabulary
from pollers.vocabulary.prometheus import PREFIX, base_unit, prometheus_name

__all__ = ["DEVICE_INFO", "MAX_VALUES", "PREFIX", "Name", "Names", "Naming", "label_name", "row_info"]

_PER_SECOND: Final = "/s"
#: a state with more values than these is a text, and makes no series
MAX_VALUES: Final = 16
#: read when this is imported, so that no event loop waits for a disk
_VOCABULARY: Final = load()


class Name(NamedTuple):
    name: str
    unit: str  #: base unit, as the name has it; empty where there is none
    scale: float  #: what is stored = the record's number x scale


class Naming(Protocol):
    """Names series."""

    def number(self, group: str, metric: str, unit: str) -> Name:
        """Return the name of a level or, where the unit ends in /s, of a rate."""
        ...

    def counter(self, group: str, metric: str, unit: str) -> Name:
        """Return the name of a cumulative counter."""
        ...

    def state(self, group: str, state: str) -> str:
        """Return the name of a state's series, which is also the name of its value's label."""
        ...

    def values(self, group: str, state: str) -> tuple[str, ...]:
        """Return the possible values of the state; empty where they are unknown."""
        ...

    def is_text(self, group: str, state: str) -> bool:
        """Return whether a state is free text, not one of some words."""
        ...

    def meaning(self, group: str, metric: str) -> str:
        """Return the description of a metric or a state."""
        ...

    def mib_object(self, group: str, metric: str) -> str | None:
        """Return the MIB object that a metric is read from, as the MIB spells it."""
        ...


class Names:
    """Names series by the vocabulary; unknown metrics are named by their unit alone."""

    def __init__(self, vocabulary: Vocabulary = _VOCABULARY) -> None:
        self._vocabulary = vocabulary

    def number(self, group: str, metric: str, unit: str) -> Name:
        return _number(group, metric, unit or self._unit(group, metric))

    def counter(self, group: str, metric: str, unit: str) -> Name:
        made = _number(group, metric, unit)
        return made._replace(name=f"{made.name}_total")

    def state(self, group: str, state: str) -> str:
        return _state(group, state)

    def values(self, group: str, state: str) -> tuple[str, ...]:
        found = self._vocabulary.metric(group, state)
        return found.states if found is not None else ()

    def _unit(self, group: str, metric: str) -> str:
        """Return the unit of a number whose record is from before records had units."""
        found = self._vocabulary.metric(group, metric)
        if found is None:
            return ""
        return f"{found.unit}{_PER_SECOND}" if found.kind is MetricKind.RATE else found.unit

    def is_text(self, group: str, state: str) -> bool:
        found = self._vocabulary.metric(group, state)
        return found is not None and found.kind is MetricKind.INFO

    def meaning(self, group: str, metric: str) -> str:
        found = self._vocabulary.metric(group, metric)
        return found.meaning if found is not None else f"{metric} of {group}"

    def mib_object(self, group: str, metric: str) -> str | None:
        found = self._vocabulary.metric(group, metric)
        return found.objects[0] if found is not None and found.objects else None


@lru_cache(maxsize=16_384)
def _number(group: str, metric: str, unit: str) -> Name:
    rate = unit.endswith(_PER_SECOND)
    plain = unit.removesuffix(_PER_SECOND)
    made = prometheus_name(group, metric, plain, MetricKind.RATE if rate else MetricKind.LEVEL)
    return Name(made.name, base_unit(plain).word, made.scale)


@lru_cache(maxsize=16_384)
def _state(group: str, state: str) -> str:
    return prometheus_name(group, state, "", MetricKind.STATE).name


def row_info(group: str) -> str:
    """Return the name of the info series of a group's rows."""
    return prometheus_name(group, "row", "", MetricKind.INFO).name


DEVICE_INFO: Final = f"{PREFIX}_device_info"


@lru_cache(maxsize=4096)
def label_name(name: str) -> str:
    """Convert a text to a valid Prometheus label: letters, digits and underscores, no reserved name."""
    plain = re.sub(r"[^a-zA-Z0-9_]", "_", name)
    return plain if plain and not plain[0].isdecimal() and not plain.startswith("__") else f"label_{plain}"
