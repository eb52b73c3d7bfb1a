"""What numbers and states are called outside Kafka, and by how much a number is multiplied on its way."""

import re
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

PREFIX: Final = "panoptes"
_PER_SECOND: Final = "/s"
_NOT_A_LETTER: Final = re.compile(r"[^a-z0-9]+")
#: unit of a record -> the base unit that series have, and the factor
BASE_UNITS: Final = {
    "octets": ("bytes", 1.0),
    "kilobytes": ("bytes", 1024.0),
    "percent": ("ratio", 0.01),
    "centiseconds": ("seconds", 0.01),
    "milliseconds": ("seconds", 0.001),
    "ms": ("seconds", 0.001),
    "microseconds": ("seconds", 0.000_001),
    "minutes": ("seconds", 60.0),
    "hours": ("seconds", 3600.0),
    "days": ("seconds", 86_400.0),
    "millivolts": ("volts", 0.001),
    "milliamperes": ("amperes", 0.001),
    "milliwatts": ("watts", 0.001),
}
#: a state with more values than these is a text, and makes no series
MAX_VALUES: Final = 16


class Name(NamedTuple):
    name: str
    unit: str  #: base unit, as the name has it; empty where there is none
    scale: float  #: what is stored = the record's number x scale


class Naming(Protocol):
    """The names of series."""

    def number(self, group: str, metric: str, unit: str) -> Name:
        """Return the name of a level or, where the unit ends in /s, of a rate."""
        ...

    def counter(self, group: str, metric: str, unit: str) -> Name:
        """Return the name of a counter as it grows."""
        ...

    def state(self, group: str, state: str) -> str:
        """Return the name of a state's series, which is also the name of the label that holds its value."""
        ...

    def values(self, group: str, state: str) -> tuple[str, ...]:
        """Return the values that the state may have; empty where they are not known."""
        ...

    def mib_object(self, group: str, metric: str) -> str | None:
        """Return the MIB object that a metric is read from, as the MIB spells it."""
        ...


class ByUnit:
    """Names made of group, metric and unit alone."""

    def number(self, group: str, metric: str, unit: str) -> Name:
        rate = unit.endswith(_PER_SECOND)
        base, scale = _base(unit.removesuffix(_PER_SECOND))
        return Name(_joined(group, metric, base, "per_second" if rate else ""), base, scale)

    def counter(self, group: str, metric: str, unit: str) -> Name:
        base, scale = _base(unit)
        return Name(_joined(group, metric, base, "total"), base, scale)

    def state(self, group: str, state: str) -> str:
        return _joined(group, state)

    def values(self, group: str, state: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def mib_object(self, group: str, metric: str) -> str | None:  # noqa: ARG002
        return None


def row_info(group: str) -> str:
    """Return the name of the series that holds what else is known of a group's rows."""
    return _joined(group, "row_info")


DEVICE_INFO: Final = f"{PREFIX}_device_info"


@lru_cache(maxsize=4096)
def label_name(name: str) -> str:
    """Return a name that Prometheus takes for a label: letters, digits and underscores, and none of its own names."""
    plain = re.sub(r"[^a-zA-Z0-9_]", "_", name)
    return plain if plain and not plain[0].isdecimal() and not plain.startswith("__") else f"label_{plain}"


def _base(unit: str) -> tuple[str, float]:
    base, scale = BASE_UNITS.get(unit, (unit, 1.0))
    return _part(base), scale


def _joined(*parts: str) -> str:
    named: list[str] = [PREFIX]
    for part in parts:
        word = _part(part)
        # `processes_processes` and `errors_in_errors` say no more than once would
        if word and not f"_{'_'.join(named)}".endswith(f"_{word}"):
            named.append(word)
    return "_".join(named)


def _part(text: str) -> str:
    return _NOT_A_LETTER.sub("_", text.lower()).strip("_")
