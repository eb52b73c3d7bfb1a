"""From what some runs cost to what other sizes will: a straight line through the sizes, stage by stage (pure)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

#: how much of a core a worker is to use at most, so that there is room for a rebalance and a bad minute
BUSY: Final = 0.7
MINUTE_S: Final = 60
GROWING: Final = ("polling", "gauges", "kafka")  #: what grows with devices; the others are one each


class Run(NamedTuple):
    """What a run has shown."""

    devices: int
    interval_s: int
    workers: int  #: of polling and of gauges
    on_time: bool
    lateness_p99_ms: int
    cpu_s_per_min: Mapping[str, float]  #: by stage or service, all its workers together
    resident_mib: Mapping[str, int]

    @property
    def polls_per_min(self) -> float:
        return self.devices * MINUTE_S / self.interval_s


class Slope(NamedTuple):
    """What one more poll costs, and what there is without any."""

    cpu_s_per_poll: float
    cpu_s_per_min: float
    mib_per_device: float


def slope(few: Run, many: Run, name: str) -> Slope:
    """Return the line through two runs that differ in devices only."""
    more_polls, more_devices = many.polls_per_min - few.polls_per_min, many.devices - few.devices
    each = (many.cpu_s_per_min[name] - few.cpu_s_per_min[name]) / more_polls
    memory = (many.resident_mib[name] - few.resident_mib[name]) / more_devices
    return Slope(each, few.cpu_s_per_min[name] - each * few.polls_per_min, memory)


def cores(line: Slope, devices: int, interval_s: int) -> float:
    """Return how many cores' time a stage takes."""
    return (line.cpu_s_per_min + line.cpu_s_per_poll * devices * MINUTE_S / interval_s) / MINUTE_S


def workers(line: Slope, devices: int, interval_s: int) -> int:
    """Return how many workers, each with a core of its own, that is."""
    return max(1, math.ceil(cores(line, devices, interval_s) / BUSY))


def rule(lines: Mapping[str, Slope], devices: int, interval_s: int) -> str:
    """Return the sizing rule as a sentence."""
    said = [
        f"{name} {cores(line, devices, interval_s):.2f} cores"
        + ("" if name == "kafka" else f" ({workers(line, devices, interval_s)} workers)")
        for name, line in lines.items()
    ]
    return f"Per {devices:,} devices at {interval_s} s: {', '.join(said)}; one worker of each other stage."


def summed(figures: Mapping[str, float]) -> dict[str, float]:
    """Return figures with those of a stage's further workers (`polling-2`) added to its first one's."""
    found: dict[str, float] = {}
    for name, number in figures.items():
        stage, _, nth = name.rpartition("-")
        key = stage if nth.isdigit() else name
        found[key] = found.get(key, 0) + number
    return found


def rows(runs: Sequence[Run]) -> Iterator[str]:
    """Yield a table of the runs, in Markdown."""
    names = list(runs[0].cpu_s_per_min)
    yield f"| devices | interval s | polls/min | workers | late p99 ms | {' | '.join(names)} |"
    yield "|--:" * (len(names) + 5) + "|"
    for run in runs:
        cpu = " | ".join(f"{run.cpu_s_per_min.get(name, 0):.1f}" for name in names)
        late = f"{run.lateness_p99_ms}{'' if run.on_time else ' (slots lost)'}"
        yield f"| {run.devices:,} | {run.interval_s} | {run.polls_per_min:,.0f} | {run.workers} | {late} | {cpu} |"
