"""`make bench-scale`: the pipeline with few and with many devices, and with two workers; then the schedule.

Devices are polled more often than in a network (every 20 s), so that a machine carries the polls of three times as many
in a third of the time; what a poll costs does not depend on the interval. Writes docs/benchmarks/scale.md and .json.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.bench.pipeline import __main__ as pipeline
from tests.bench.scale.sizing import GROWING, Run, rows, rule, slope, summed
from tests.bench.scheduling.simulation import Figures, simulate

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = ROOT / "docs" / "benchmarks" / "scale.md"
RESOURCES, PARTITIONS, WORKERS = 100_000, 256, 32


def main() -> int:
    """Run it; 1 where a slot was lost."""
    parser = argparse.ArgumentParser(prog="bench-scale", description=__doc__)
    parser.add_argument("--few", type=int, default=300)
    parser.add_argument("--many", type=int, default=1500)
    parser.add_argument("--interval", type=int, default=20, help="seconds")
    parser.add_argument("--minutes", type=float, default=1.0, help="measured, in each run")
    parser.add_argument("--jars", type=Path, default=ROOT / ".state" / "jars")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    runs = [measured(options, devices, workers) for devices, workers in
            ((options.few, 1), (options.many, 1), (options.many, 2))]  # fmt: skip
    schedule = simulate(RESOURCES, PARTITIONS, WORKERS)
    options.page.write_text("\n".join(page(runs, schedule)) + "\n", encoding="utf-8")
    raw = {"runs": [run._asdict() for run in runs], "schedule": schedule._asdict()}
    options.page.with_suffix(".json").write_text(json.dumps(raw, indent=1))
    print(options.page.read_text(encoding="utf-8"))
    return 0 if all(run.on_time for run in runs) else 1


def measured(options: argparse.Namespace, devices: int, workers: int) -> Run:
    """Return what one run has shown, on services of its own."""
    print(f"{devices} devices, {workers} workers", flush=True)
    chosen = argparse.Namespace(**{**vars(options), "devices": devices, "workers": workers})
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as folder:
        found = pipeline.run(chosen, Path(folder))
    memory = {name: round(mib) for name, mib in summed(found["resident_mib"]).items()}
    late = found["lateness_ms"]["p99"]
    return Run(devices, options.interval, workers, found["on_time"], late, summed(found["cpu_s_per_min"]), memory)


def page(runs: Sequence[Run], schedule: Figures) -> Iterator[str]:
    """Yield the page's lines."""
    few, many, shared = runs
    lines = {name: slope(few, many, name) for name in GROWING}
    load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
    yield "# By devices and by workers"
    yield ""
    yield "<!-- Written by `make bench-scale`; raw figures: scale.json. -->"
    yield ""
    yield f"**{rule(lines, 10_000, 60)}**"
    yield ""
    yield "CPU is of one core of the machine below; a worker is one process and is to use 70 % of a core at most."
    yield f"Python {platform.python_version()}, {os.cpu_count()} shared cores, load average at the end {load}."
    yield ""
    yield "Simulated devices of 48 interfaces, as in [pipeline](pipeline.md), polled more often than in a network:"
    yield "what a poll costs does not depend on the interval. CPU seconds a minute, all workers of a stage together:"
    yield ""
    yield from rows(runs)
    yield ""
    yield "| | CPU ms a poll | CPU s/min without any | MiB a device |"
    yield "|---|--:|--:|--:|"
    for name, line in lines.items():
        yield f"| {name} | {line.cpu_s_per_poll * 1000:.2f} | {line.cpu_s_per_min:.1f} | {line.mib_per_device:.3f} |"
    yield ""
    more = {
        name: shared.cpu_s_per_min[name] / max(many.cpu_s_per_min[name], 0.01) - 1 for name in ("polling", "gauges")
    }
    said = ", ".join(f"{name} {share:+.0%}" for name, share in more.items())
    yield f"A second worker of both stages changes what they take together by: {said}."
    yield ""
    yield f"## The schedule of {schedule.resources:,} resources"
    yield ""
    yield f"In process, {schedule.partitions} partitions, {schedule.workers} workers ([schedule](schedule.md))."
    yield f"CPU for each second: a worker {schedule.worker_ms_per_s:.2f} ms, the busiest"
    yield f"{schedule.worst_worker_ms_per_s:.2f}, the leader {schedule.leader_ms_per_s:.2f}. A resource has"
    yield f"{schedule.bytes_per_resource:.0f} bytes. An hour's gap is made up for in {schedule.gap_ms:.0f} ms."
    yield ""
    yield "Not measured here: a network's round trips, Kafka on several machines, 100,000 devices polled at once."
    yield "What 100,000 resources cost the resource manager is in [discovery](discovery.md), how long the gauges' table"
    yield "takes to recover in [gauges](gauges.md)."


if __name__ == "__main__":
    sys.exit(main())
