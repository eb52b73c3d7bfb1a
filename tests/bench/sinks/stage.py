"""One worker of the sinks stage from the topic to VictoriaMetrics: CPU per stored number, and how fast it catches up.

The first round is a warm-up, in which rows are learnt. Then all further rounds come at once; what the worker uses from
then on until all of it is stored is counted, all of its process: Kafka's client, decoding, encoding, compressing, HTTP.
Telegraf, where it is there, does the same at the same time, from the same topic to the same store (telegraf.py).
Afterwards the store has every number.
"""

import argparse
import json
import os
import platform
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx

from streams.playground.services import Stack
from streams.playground.services.keeper import kept
from tests.bench.sinks import telegraf
from tests.bench.sinks.live import followed
from tests.bench.sinks.load import NAMES, key_of, polls
from tests.bench.sinks.receiver import discarding
from tests.conftest import JARS
from tests.stages.gauges.pipe import cpu_s, rss_mb
from tests.stages.sinks.sinkpipe import SERIES, SinkPipe, StoppableStore
from tests.unit.sinks.gauges import HEADER

WITHIN_S: Final = 900.0
SINK: Final = """
[sink:store]
plugin = prometheus-remote-write
url = {url}
start = earliest
"""


class Seen(NamedTuple):
    """The worker at one moment."""

    at_s: float
    cpu_s: float
    stored: float
    encode_s: float
    bytes_sent: float


def run(args: argparse.Namespace) -> None:
    """Print the figures, and write them down where that is asked for."""
    with tempfile.TemporaryDirectory() as name, _pipe(args, Path(name)) as (pipe, store):
        if args.what == "live":
            figures = followed(pipe, store and store.url, args.devices, args.rows, args.rounds)
        else:
            figures = _measured(args, pipe, store)
    figures |= {"python": platform.python_version(), "load_average": " ".join(f"{one:.0f}" for one in os.getloadavg())}
    print("\n".join(f"{what:32} {value}" for what, value in figures.items()))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")


@contextmanager
def _pipe(args: argparse.Namespace, folder: Path) -> Iterator[tuple[SinkPipe, StoppableStore | None]]:
    """Give the stage with Kafka to itself, and its store; none where it is one that discards."""
    with ExitStack() as all_of:
        stack = all_of.enter_context(kept(Stack(folder / "stack", free_ports=True, jars=JARS)))
        store = None if args.discard else all_of.enter_context(StoppableStore(folder / "vm"))
        stack.up(["kafka"])
        url = all_of.enter_context(discarding()) if store is None else store.url
        bootstrap = stack.environment()["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"]
        ini = SINK.format(url=url)
        yield all_of.enter_context(SinkPipe(bootstrap, "bench", folder / "state", settings={}, ini=ini)), store


@contextmanager
def _peer(args: argparse.Namespace, pipe: SinkPipe, store: StoppableStore | None) -> Iterator[telegraf.Peer | None]:
    """Give Telegraf at work, where it is there."""
    program = telegraf.found(args.telegraf)
    if program is None or store is None:
        yield None
        return
    with telegraf.running(program, pipe, store, args.devices * args.rows, partial(_count, store)) as peer:
        yield peer


def _measured(args: argparse.Namespace, pipe: SinkPipe, store: StoppableStore | None) -> dict[str, Any]:
    began_s = int(time.time()) // 60 * 60 - 60 * (args.rounds + 2)
    records = args.devices * args.rows
    worker = pipe.start("store")
    with _peer(args, pipe, store) as peer:
        _put(args, pipe, [polls(args.devices, args.rows, 0, began_s)])
        _until(pipe, records)
        theirs = peer and peer.until(records)
        rounds = [polls(args.devices, args.rows, minute, began_s) for minute in range(1, args.rounds + 1)]
        first = _seen(pipe, worker.pid)
        _put(args, pipe, rounds)
        wanted = records * (args.rounds + 1)
        _until(pipe, wanted)
        last = _seen(pipe, worker.pid)
        figures = {
            "load": f"{args.devices} devices x {args.rows} rows x {len(NAMES)} numbers and 2 states",
            "minutes": args.rounds,
            **_ours(first, last, args.rounds),
            "rss_mib": round(rss_mb(worker.pid)),
        }
        if peer is None or theirs is None:
            return figures | {
                "samples of one series": _all_there(store, wanted),
                "telegraf": "not measured: see --telegraf",
            }
        figures |= peer.figures(theirs, peer.until(wanted), wanted)
    ratio = figures["telegraf_cpu_us_per_number"] / figures["cpu_us_per_number"]
    return figures | {"samples of one series": _all_there(store, wanted), "times fewer than Telegraf": round(ratio, 1)}


def _all_there(store: StoppableStore | None, wanted: int) -> str:
    """Return what the store has. Raises RuntimeError where that is not everything."""
    if store is None:
        return "discarded"
    have = _count(store, SERIES)
    if have != wanted:
        raise RuntimeError(f"the store has {have} samples of {SERIES}, expected {wanted}")
    return f"{have} of {wanted} in the store"


def _ours(first: Seen, last: Seen, minutes: int) -> dict[str, Any]:
    stored = last.stored - first.stored
    cpu, wall = last.cpu_s - first.cpu_s, last.at_s - first.at_s
    return {
        "numbers stored": int(stored),
        "cpu_us_per_number": round(cpu * 1e6 / stored, 3),
        "of these, encoding": round((last.encode_s - first.encode_s) * 1e6 / stored, 3),
        "bytes_sent_per_number": round((last.bytes_sent - first.bytes_sent) / stored, 1),
        "numbers_per_s": round(stored / wall),
        "times_real_time": round(minutes * 60 / wall, 1),
        "cpu_s_per_minute_of_load": round(cpu / minutes, 2),
    }


def _until(pipe: SinkPipe, records: int) -> None:
    """Wait until so many records are delivered; looking costs the worker some milliseconds, so that is seldom."""
    deadline_s = time.monotonic() + WITHIN_S
    while _metrics(pipe).get("panoptes_sink_records_total", 0) < records:
        if pipe.workers[-1].poll() is not None or time.monotonic() > deadline_s:
            raise TimeoutError(f"{records} records were not delivered within {WITHIN_S:g} s\n{pipe.log()}")
        time.sleep(1)


def _put(args: argparse.Namespace, pipe: SinkPipe, rounds: Sequence[Sequence[bytes]]) -> None:
    keys = [key_of(device).encode() for device in range(args.devices) for _ in range(args.rows)]
    header = pipe.gauge_header
    pipe.put(
        ((key, header + value[len(HEADER) :]) for values in rounds for key, value in zip(keys, values, strict=True)),
        topic=pipe.gauge_topic,
    )


def _metrics(pipe: SinkPipe) -> dict[str, float]:
    """Return the last worker's metrics, by their names without the stage."""
    found = re.findall(r"web server at=(\S+)", (pipe.state / f"worker-{len(pipe.workers)}.log").read_text())
    if not found:
        return {}
    try:
        text = httpx.get(f"{found[-1].rstrip('/')}/metrics", timeout=10, trust_env=False).text
    except httpx.TransportError:
        return {}
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {re.sub(r',?stage="sinks"|\{\}', "", name).replace("{}", ""): float(value) for name, _, value in lines}


def _seen(pipe: SinkPipe, pid: int) -> Seen:
    found = _metrics(pipe)
    stored = found['panoptes_sink_numbers_total{became="stored"}']
    encode_s, octets = found["panoptes_sink_encode_seconds_total"], found["panoptes_sink_bytes_sent_total"]
    return Seen(time.monotonic(), cpu_s(pid), stored, encode_s, octets)


def _count(store: StoppableStore, series: str) -> int:
    """Return how many samples the store has of one series' name."""
    httpx.get(f"{store.url}/internal/force_flush", timeout=60, trust_env=False)
    asked = {"query": f"sum(count_over_time({series}[1d]))", "nocache": "1"}
    found = httpx.get(f"{store.url}/api/v1/query", params=asked, timeout=120, trust_env=False).json()
    result = found["data"]["result"]
    return int(float(result[0]["value"][1])) if result else 0
