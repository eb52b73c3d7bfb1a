"""What one gauges worker keeps of many devices: `python -m tests.bench.gauges.memory`.

Polls are stored a few hundred at a time, the next ones when these are done: what is measured is what a worker keeps,
and not what waits in it.
"""

import argparse
import os
import struct
from itertools import islice
from pathlib import Path

from tests.bench.gauges.piped import piped
from tests.bench.gauges.polls import Load, messages
from tests.stages.gauges.pipe import Pipe, cpu_s, rss_mb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resources", type=int, default=10_000)
    parser.add_argument("--slots", type=int, default=2, help="polls of each: from the second on nothing more is kept")
    parser.add_argument("--at-once", type=int, default=500, help="polls")
    parser.add_argument("--state", type=Path, help="folder of a stack that is up")
    args = parser.parse_args()
    with piped("memory", args.state) as pipe:
        measure(pipe, args)


def measure(pipe: Pipe, args: argparse.Namespace) -> None:
    """Print the worker's memory when it is ready, and after each slot."""
    load = Load(args.resources, args.slots)
    (schema_id,) = struct.unpack(">I", pipe.raw_header[1:])
    polls = messages(load, schema_id)
    worker = pipe.start()
    pipe.put(islice(polls, 1))
    stored = 1
    pipe.wait(lambda: pipe.lag() == 0, "the first poll", 120)
    print(f"with one device: {rss_mb(worker.pid):.0f} MiB", flush=True)
    while chunk := list(islice(polls, args.at_once)):
        stored += pipe.put(chunk)
        pipe.wait(lambda: pipe.lag() < args.at_once, f"{stored} polls", 600)
        if stored // args.resources > (stored - len(chunk)) // args.resources:
            print(f"after {stored} polls of {args.resources} devices, {load.rows} rows each: "
                  f"{rss_mb(worker.pid):.0f} MiB, CPU {cpu_s(worker.pid):.0f} s", flush=True)  # fmt: skip
    pipe.wait(lambda: pipe.lag() == 0, f"{stored} polls", 600)
    print(f"at the end: {rss_mb(worker.pid):.0f} MiB; load of the machine {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
