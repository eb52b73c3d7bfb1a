"""`python -m tests.bench.console`: memory, start and cost of the console, as a process on a real Kafka.

The topics have the last hour of polls (50 of each device at most are put) and as many rounds of gauges as asked for
before the console starts. Then rounds of gauges arrive while people look at its pages. CPU is the process' own
(`/proc/PID/stat`), so that a machine which others use tells the same; times of answers are what they are.
"""

import argparse
import asyncio
import json
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from schemas.records import EnrichedResource, Link, PollStatus
from streams.pipeline import Topic
from streams.playground.services import Stack
from streams.playground.services.keeper import kept
from tests.bench.console.clients import look, told
from tests.bench.console.load import links, resources, statuses
from tests.bench.console.served import AT_ONCE, Topics, ask, start, status
from tests.bench.sinks.load import key_of
from tests.conftest import JARS
from tests.contract.sinks.stores import free_port
from tests.stages.gauges.pipe import cpu_s, rss_mb

CLIENTS: Final = 50
PAUSE_S: Final = 5.0  #: as the overview renews itself
LOOK_S: Final = 60.0
#: figure -> at most, and its unit
GOALS: Final[Mapping[str, tuple[float, str]]] = {
    "ready after": (60, "s"),
    "resident when ready": (600, "MiB"),
    "resident at the end": (600, "MiB"),
    "of a core, all each minute": (35, "%"),
    "50 clients, 95 of 100 answers within": (200, "ms"),
    "answers that were not 200": (0, ""),
}
FILTER: Final = "resource_id LIKE 'sw77%'"
WITHIN_S: Final = 900.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=2, help="of gauges before the start")
    parser.add_argument("--polls", type=int, default=50, help="of each device before the start")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with kept(Stack(folder / "stack", free_ports=True, jars=JARS)) as stack:
            stack.up(["kafka"])
            bootstrap = stack.environment()["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"]
            with Topics(bootstrap, "bench", folder / "state") as topics:
                figures = _measured(args, topics)
    print("\n".join(f"{what:40} {value}" for what, value in figures.items()))
    print("\n" + "\n".join(against(figures)))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")


def against(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield each goal with its figure, and whether it is reached."""
    for what, (most, unit) in GOALS.items():
        found = figures[what]
        yield f"{'reached' if found <= most else 'MISSED':8} {what:40} {found:>8} {unit}, at most {most}"


def _measured(args: argparse.Namespace, topics: Topics) -> dict[str, Any]:
    now_s = int(time.time()) // 60 * 60
    topics.fill(Topic.ENRICHED_RESOURCES, EnrichedResource, resources(args.devices, args.rows))
    topics.fill(Topic.TOPOLOGY, Link, links(args.devices))
    for before in range(args.polls, 0, -1):
        topics.fill(Topic.POLL_STATUS, PollStatus, statuses(args.devices, now_s - 60 * before))
    for before in range(args.rounds, 0, -1):
        topics.gauges(args.devices, args.rows, now_s - 60 * before)
    print("the topics are filled", file=sys.stderr)
    port = free_port()
    console = start(topics, port)
    topics.workers.append(console)
    began_s = time.monotonic()
    while status(port) != "ready":
        if console.poll() is not None or time.monotonic() > began_s + WITHIN_S:
            raise TimeoutError(f"the console is not ready\n{(topics.state / 'console.log').read_text()[-2000:]}")
        time.sleep(0.5)
    ready_s, ready_cpu_s = time.monotonic() - began_s, cpu_s(console.pid)
    figures = {
        "load": f"{args.devices} devices x {args.rows} rows, {args.polls} polls, {args.rounds} rounds of gauges",
        "python": platform.python_version(),
        "ready after": round(ready_s, 1),
        "CPU s until then": round(ready_cpu_s, 1),
        "resident when ready": round(rss_mb(console.pid)),
        "memory reaches back s": _reach_s(port),
    }
    alone = asyncio.run(look(port, _paths(), clients=1, pause_s=0.2, for_s=10))
    figures |= {f"one client {path} ms": _line(line) for path, line in told(alone).items()}
    figures |= _arriving(args, topics, console.pid, port, now_s)
    return figures


def _arriving(args: argparse.Namespace, topics: Topics, pid: int, port: int, slot: int) -> dict[str, Any]:
    """Return what it costs while a round of gauges arrives, alone and while people look."""
    records = args.devices * args.rows
    pause_s = 60 * AT_ONCE / args.devices
    found: dict[str, Any] = {}
    before = cpu_s(pid)
    topics.gauges(args.devices, args.rows, slot, pause_s)
    _caught_up(port)
    cpu = cpu_s(pid) - before
    found["CPU us per gauge that arrives"] = round(cpu * 1e6 / records, 1)
    found["of a core, all each minute"] = round(cpu / 60 * 100)
    writing = threading.Thread(target=topics.gauges, args=(args.devices, args.rows, slot + 60, pause_s), daemon=True)
    before, began_s = cpu_s(pid), time.monotonic()
    writing.start()
    seen = asyncio.run(look(port, _paths(), clients=CLIENTS, pause_s=PAUSE_S, for_s=LOOK_S))
    found["of a core while people look too"] = round((cpu_s(pid) - before) / (time.monotonic() - began_s) * 100)
    writing.join()
    _caught_up(port)
    found["answers that were not 200"] = sum(each.status != httpx.codes.OK for each in seen)
    found["50 clients, 95 of 100 answers within"] = round(told(seen)["all"][2])
    found |= {f"{CLIENTS} clients {path} ms": _line(line) for path, line in told(seen).items()}
    found["resident at the end"] = round(rss_mb(pid))
    return found


def _line(line: tuple[int, float, float, float, int]) -> str:
    times, median, p95, most, size = line
    return f"p50 {median:.0f}, p95 {p95:.0f}, most {most:.0f} ({times} times, {size / 1000:.0f} kB)"


def _paths() -> list[str]:
    device = key_of(41)
    row = {"id": device, "group": "interface", "row": "GigabitEthernet1/0/5"}
    return [
        "/", "/devices", f"/devices?{urlencode({'filter': FILTER})}",
        "/devices?sort=late", f"/device?{urlencode({'id': device})}", f"/row?{urlencode(row)}",
        f"/plot?{urlencode({**row, 'over': 'octets_in', 'under': 'octets_out'})}", "/search?q=desk+777-5", "/slots",
        "/topics", "/profiles", "/api/v1/problems",
    ]  # fmt: skip


def _caught_up(port: int) -> None:
    while any(each["behind"] for each in ask(port, "/api/v1/topics")["found"]):
        time.sleep(0.5)


def _reach_s(port: int) -> str:
    asked = {"id": key_of(1), "group": "interface", "row": "GigabitEthernet1/0/1", "name": "octets_in"}
    found = ask(port, f"/api/v1/points?{urlencode(asked)}")
    newest = max((at for at, _ in found["found"]), default=0)
    return f"{newest - (found['oldest_slot'] or newest)} and the round after"


if __name__ == "__main__":
    main()
