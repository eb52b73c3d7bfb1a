"""How long the stage stands still after a kill -9, with a large table: `python -m tests.bench.gauges.recovery`."""

import argparse
import os
import struct
import time
from itertools import islice
from pathlib import Path

from tests.bench.gauges.piped import piped
from tests.bench.gauges.polls import Load, messages
from tests.stages.gauges.pipe import Pipe, cpu_s, kill, rss_mb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resources", type=int, default=5000)
    parser.add_argument("--slots", type=int, default=3, help="polls of each resource before the kill")
    parser.add_argument("--state", type=Path, help="folder of a stack that is up")
    args = parser.parse_args()
    with piped("recovery", args.state) as pipe:
        measure(pipe, args)


def measure(pipe: Pipe, args: argparse.Namespace) -> None:
    """Print how long no gauge came, from the kill on."""
    load = Load(args.resources, args.slots + 1)
    (schema_id,) = struct.unpack(">I", pipe.raw_header[1:])
    polls = messages(load, schema_id)
    stored = pipe.put(islice(polls, args.resources * args.slots))
    worker = pipe.start()
    pipe.wait(lambda: pipe.lag() == 0, f"{stored} polls", 600)
    print(f"{stored} polls of {args.resources} resources done; memory of the worker {rss_mb(worker.pid):.0f} MiB")
    changelog = pipe.all_of(f"{prefix_of(pipe)}-gauges-series-changelog")
    print(f"changelog: {len(changelog)} entries, {sum(len(entry.value) for entry in changelog) / 2**20:.0f} MiB")
    pipe.put(polls)
    kill(worker)
    gauges, killed = pipe.count(pipe.gauge_topic), time.monotonic()
    pipe.put(messages(Load(100, 1)._replace(slots=1), schema_id))
    worker = pipe.start()
    first = pipe.wait(lambda: pipe.count(pipe.gauge_topic) > gauges, "the first gauge", 120)
    done_s = pipe.wait(lambda: pipe.lag() == 0, "all committed", 300)
    del first
    print(f"no gauge for {time.monotonic() - killed - done_s:.1f} s after the kill "
          f"(session timeout {pipe.settings.kafka.session_timeout_s:.0f} s); "
          f"CPU of the new worker {cpu_s(worker.pid):.1f} s; load of the machine {os.getloadavg()[0]:.1f}")  # fmt: skip


def prefix_of(pipe: Pipe) -> str:
    return pipe.env["PANOPTES_PANOPTES_TOPIC_PREFIX"]


if __name__ == "__main__":
    main()
