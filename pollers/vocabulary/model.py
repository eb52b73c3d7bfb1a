"""The data model of the vocabulary: groups and metrics."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: the unit of what is only counted
NO_UNIT: Final = "1"


class MetricKind(enum.StrEnum):
    """The kind of a metric's values."""

    LEVEL = "level"  #: a number as it is now
    RATE = "rate"  #: of a counter: its growth per second
    STATE = "state"  #: one of some words
    INFO = "info"  #: a free text


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    group: str
    name: str
    unit: str = NO_UNIT  #: of a rate: per second
    kind: MetricKind = MetricKind.LEVEL
    states: tuple[str, ...] = ()  #: all the words that a state can be
    meaning: str
    objects: tuple[str, ...] = ()  #: MIB objects that it is read from


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricGroup:
    name: str
    meaning: str
    labels: Mapping[str, str]  #: what describes a row, and what it means; the first is what the row is known by
    metrics: Mapping[str, Metric]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    groups: Mapping[str, MetricGroup]
    vendors: frozenset[str]  #: prefixes of names that are a vendor's own
    stateful_texts: Mapping[str, str]  #: OID -> MIB object, whose text tells a state among others
    plausible: Mapping[str, tuple[float, float]]  #: unit or metric -> the least and the most that it can be
    renumbered: Mapping[str, str]  #: OID of a table's entry -> its index, which may change at a reboot

    def metric(self, group: str, name: str) -> Metric | None:
        """Return a metric of a group by name; None = not in the vocabulary."""
        found = self.groups.get(group)
        return found.metrics.get(name) if found else None
