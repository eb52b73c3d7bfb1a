"""How even the load over an interval is, for many sets of names: it is a hash, so each set throws its own dice."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from streams.scheduling.phase import phase

RESOURCES: Final = 10_000
INTERVAL_S: Final = 60
JOB: Final = "interfaces/if-mib/60"


class Evenness(NamedTuple):
    names: str
    sets: int  #: sets of names that were tried
    median: float  #: of the busiest second's load over the mean load
    p99: float
    worst: float
    above: int  #: sets whose busiest second has more than 1.3 times the mean


def busiest(names: Iterator[str], interval_s: int = INTERVAL_S) -> float:
    """Return the load of the busiest second over the mean load."""
    loads = Counter(phase(name, JOB, interval_s) for name in names)
    return max(loads.values()) * interval_s / loads.total()


def _numbered(dice: random.Random) -> Iterator[str]:
    site, start = f"dc{dice.randrange(1000)}", dice.randrange(10**6)
    return (f"{site}|network|cisco|switch|sw{start + n:07}.{site}.example.net" for n in range(RESOURCES))


def _racked(dice: random.Random) -> Iterator[str]:
    site = f"dc{dice.randrange(10**6)}"
    return (
        f"{site}|network|arista|switch|leaf{side}-r{rack:03}-u{unit:02}"
        for rack in range(125)
        for unit in range(40)
        for side in "ab"
    )


def _addressed(dice: random.Random) -> Iterator[str]:
    a, b = dice.randrange(1, 224), dice.randrange(256)
    return (f"default|network|device|snmp|{a}.{b}.{n >> 8}.{n & 255}" for n in range(RESOURCES))


FAMILIES: Final[dict[str, Callable[[random.Random], Iterator[str]]]] = {
    "numbered": _numbered,
    "by rack and unit": _racked,
    "by address": _addressed,
}


def measure(sets: int, seed: int = 1) -> list[Evenness]:
    """Return the evenness of each family of names, over so many sets of 10,000."""
    found = []
    for name, family in FAMILIES.items():
        dice = random.Random(seed)
        ratios = sorted(busiest(family(dice)) for _ in range(sets))
        above = sum(ratio > 1.3 for ratio in ratios)
        found.append(Evenness(name, sets, ratios[sets // 2], ratios[int(sets * 0.99)], ratios[-1], above))
    return found
