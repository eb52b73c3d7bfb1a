"""Measures CPU seconds and resident memory of processes from /proc."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from streams.playground.check.forms import FiguresForm


class Cost(NamedTuple):
    cpu_s: float  #: user and system time since the process began
    resident_bytes: int
    peak_bytes: int


def costs(pids: Mapping[str, int]) -> dict[str, Cost]:
    """Return the cost of each process so far; ended processes are left out."""
    found = {}
    for name, pid in pids.items():
        try:
            found[name] = _cost(pid)
        except (OSError, ValueError, KeyError):
            continue
    return found


def _cost(pid: int) -> Cost:
    folder = Path(f"/proc/{pid}")
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
    ticks = os.sysconf("SC_CLK_TCK")
    return Cost(
        cpu_s=(int(fields[11]) + int(fields[12])) / ticks,
        resident_bytes=int(status["VmRSS"].split()[0]) * 1024,
        peak_bytes=int(status["VmHWM"].split()[0]) * 1024,
    )


def figures(found: FiguresForm, began_s: float, *, everything: bool) -> list[str]:
    """Return when the first gauge came, as the check reports it; with `everything` also how many and how late."""
    lines = []
    if found["first_gauge_ms"] is not None:
        lines.append(f"first gauge {found['first_gauge_ms'] / 1000 - began_s:.1f} s after the start")
    if everything and found["gauges_per_s"] is not None:
        lines.append(f"{found['gauges_per_s']:.1f} gauges/s; from the slot to the independent consumer:")
        for which, lateness in found["lateness"].items():
            if lateness["gauges"]:
                lines.append(f"  {which}: p50 {lateness['p50_ms']:.0f} ms, p99 {lateness['p99_ms']:.0f} ms")
        load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
        lines.append(f"load average of the machine, which has {os.cpu_count()} cores: {load}")
    return lines


def table(before: Mapping[str, Cost], after: Mapping[str, Cost], seconds: float) -> list[str]:
    """Return a line per process: CPU seconds per minute over the stretch, and memory at its end."""
    lines = [f"{'process':<12} {'CPU s/min':>9} {'RSS MiB':>8} {'peak MiB':>8}   over {seconds:.0f} s"]
    for name, cost in after.items():
        if name in before:
            used = (cost.cpu_s - before[name].cpu_s) / seconds * 60
            memory = f"{cost.resident_bytes / 2**20:>8.0f} {cost.peak_bytes / 2**20:>8.0f}"
            lines.append(f"{name:<12} {used:>9.2f} {memory}")
    return lines
