"""Print what the schedule costs, how that grows, and how even it is: `make bench-schedule`."""

import argparse
import platform
import sys

from tests.bench.scheduling import evenness, simulation

SIZES = (1_000, 10_000, 100_000)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scheduling", description=__doc__)
    parser.add_argument("--partitions", type=int, default=256)
    parser.add_argument("--workers", type=int, default=32)
    parser.add_argument("--sets", type=int, default=1_000, help="sets of names for the evenness")
    arguments = parser.parse_args()
    say = sys.stdout.write
    say(f"Python {platform.python_version()}, CPU time of one process; ms are per second of the schedule\n\n")
    say("| resources | partitions | workers | bytes/resource | build s | worker ms/s (worst) | ticks alone ms/s | ")
    say("leader ms/s | hour's gap ms | polls |\n|---|---|---|---|---|---|---|---|---|---|\n")
    for size in SIZES:
        f = simulation.simulate(size, arguments.partitions, arguments.workers)
        say(
            f"| {f.resources:,} | {f.partitions} | {f.workers} | {f.bytes_per_resource:.0f} | {f.build_s:.2f} | "
            f"{f.worker_ms_per_s:.3f} ({f.worst_worker_ms_per_s:.3f}) | {f.idle_ms_per_s:.3f} | "
            f"{f.leader_ms_per_s:.2f} | {f.gap_ms:.0f} | {f.polls:,} |\n"
        )
    say(f"\nBusiest second over the mean, {evenness.RESOURCES:,} resources at {evenness.INTERVAL_S} s:\n\n")
    say("| names | sets | median | p99 | worst | sets above 1.3 |\n|---|---|---|---|---|---|\n")
    for e in evenness.measure(arguments.sets):
        say(f"| {e.names} | {e.sets} | {e.median:.3f} | {e.p99:.3f} | {e.worst:.3f} | {e.above} |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
