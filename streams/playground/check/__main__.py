"""Reads what the pipeline publishes until enough has been seen, and compares it with the truth."""

import argparse
import json
import sys
import time
from pathlib import Path

from streams.playground.check import verdict
from streams.playground.check.record import reader
from streams.playground.check.stored import compare
from streams.playground.check.watching import Truth, Watching


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m streams.playground.check", description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--registry", required=True, help="URL of the Confluent-compatible API")
    parser.add_argument("--truth", required=True, help="URL of the simulator's truth")
    parser.add_argument("--prefix", default="panoptes")
    parser.add_argument("--store", help="URL of a store that answers PromQL: every rate is asked for there too")
    parser.add_argument("--within", type=float, default=300.0, help="seconds after which what is lacking is a failure")
    parser.add_argument("--at-least", type=float, default=0.0, help="seconds to go on although enough was seen")
    parser.add_argument("--report", type=Path, help="where the figures go, as JSON")
    arguments = parser.parse_args()

    began_s = time.monotonic()
    topics = reader(arguments.bootstrap, arguments.registry, arguments.prefix, ("gauges", "poll-status"))
    try:
        if not topics.open(began_s + arguments.within):
            print(f"FAILED: the topics did not appear within {arguments.within:.0f} s")
            return 1
        watching = Watching(topics, Truth(arguments.truth))
        lacking = ["everything"]
        while (passed_s := time.monotonic() - began_s) < arguments.within:
            watching.take()
            lacking = verdict.lacking(watching.judge)
            if not lacking and passed_s >= arguments.at_least:
                break
        found = watching.finish()
    finally:
        topics.close()
    stored = compare(arguments.store, watching.judge) if arguments.store else None
    if stored is not None:
        found["stored"], found["stored_wanted"] = stored.right, stored.wanted
    for text in lacking:
        watching.judge.problem(f"within {arguments.within:.0f} s: {text}")
    if arguments.report:
        arguments.report.write_text(json.dumps(found, indent=2))
    print(f"read with {topics.client}")
    print("\n".join(verdict.lines(watching.judge, found)))
    print(stored.line if stored is not None else "store: none was asked")
    print("FAILED" if watching.judge.problems else "PASSED")
    return 1 if watching.judge.problems else 0


if __name__ == "__main__":
    sys.exit(main())
