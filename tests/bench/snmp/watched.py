"""Watching another collector's process from outside: its CPU time and memory, from /proc."""

import contextlib
import os
import platform
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from schemas.longs import is_compiled

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


def python() -> str:
    """Return which Python runs here, and whether our code is compiled (docs/compiling.md)."""
    return f"Python {platform.python_version()}{', compiled' if is_compiled() else ''}"


class Figures(NamedTuple):
    name: str
    version: str
    devices: int
    values: int  #: per round
    cpu_us_per_value: Sequence[float]  #: of each round that was measured
    peak_rss_bytes: int
    checksums: Mapping[str, int]  #: of what was read, by the round that it is of
    note: str = ""


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def peak_bytes(pid: int) -> int:
    """Return the peak of resident memory; getrusage tells the starter's where that was more (it outlives exec)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) * 1024 if found else 0


def settled_cpu_s(pid: int, before_s: float, least_s: float, quiet_s: float = 2.5, most_s: float = 180.0) -> float:
    """Return the CPU time once it has grown by least_s and then stood still. Raises TimeoutError."""
    ends, last, since = time.monotonic() + most_s, cpu_s(pid), time.monotonic()
    while time.monotonic() < ends:
        time.sleep(0.1)
        now = cpu_s(pid)
        if now - last > 0.03:
            last, since = now, time.monotonic()
        if now - before_s >= least_s and time.monotonic() - since >= quiet_s:
            return now
    raise TimeoutError("the collector did not finish a round")


@contextlib.contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)  # noqa: S603 - our own commands
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)
