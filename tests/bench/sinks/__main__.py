"""`python -m tests.bench.sinks encode`: CPU time per number from a gauge's Avro bytes to what a store is sent.
`… stage`: CPU time per stored number of one worker that catches up, from the topic to VictoriaMetrics (stage.py).
`… live`: the same of one that follows, and how late a number can be asked for (live.py).

Interfaces as if-mib has them: 14 rates, 2 levels, 2 states, six dimensions, 48 to a device; every poll of every device
once per round, as a partition has them. One thread, no network, no Kafka.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import cramjam

from streams.sinks.encoding.forms import Encoder
from streams.sinks.encoding.influx import InfluxLines
from streams.sinks.encoding.otlp import Otlp
from streams.sinks.encoding.remote_write import RemoteWrite
from streams.sinks.naming.labels import Labels
from streams.sinks.naming.names import Names
from streams.sinks.reading.gauges import GaugeReader
from streams.sinks.senders import agent_influx, agent_prometheus
from tests.bench.sinks.load import BATCH, NAMES, polls
from tests.bench.sinks.stage import run
from tests.unit.sinks.gauges import HEADER, decode
from tests.unit.sinks.prometheus import Sample, request

Step = Callable[[Sequence[bytes]], int]


def _own(encoder: Encoder, wrap: Callable[[bytes], bytes]) -> Step:
    """Return our own way: columns, and what is constant joined."""
    reader = GaugeReader(HEADER, decode, lambda _row: True)

    def step(values: Sequence[bytes]) -> int:
        pieces = encoder.encode(reader.read(values)[0])
        return len(wrap(b"".join(one.octets for one in pieces)))

    return step


def _remote_write() -> Step:
    return _own(RemoteWrite(Names(), Labels()), agent_prometheus.wrap)


def _influx() -> Step:
    return _own(InfluxLines(Names(), Labels()), agent_influx.wrap)


def _otlp() -> Step:
    return _own(Otlp(Names(), Labels()), agent_influx.wrap)


def _read_only() -> Step:
    reader = GaugeReader(HEADER, decode, lambda _row: True)
    return lambda values: len(reader.read(values)[0])


def _library() -> Step:
    """Return the plain way: fastavro, records, names and labels one by one, Google's protobuf (upb, in C)."""
    naming = Names()

    def step(values: Sequence[bytes]) -> int:
        samples: list[Sample] = []
        for value in values:
            one = decode(value)
            keys = (("device", one.resource.split("|")[4]), ("row", one.row), ("site", one.site))
            for name, number in one.gauges.items():
                called = naming.number(one.group, name, one.units[name])
                labels = (("__name__", called.name), *keys)
                samples.append(_Sample(labels, one.time_ms, number * called.scale))
        return len(bytes(cramjam.snappy.compress_raw(request(samples))))

    return step


class _Sample(Sample):
    """A sample whose value is given as it is."""

    __slots__ = ()

    @property
    def value(self) -> float:
        return self.bits


STEPS: Final = {
    "read only": _read_only,
    "remote write": _remote_write,
    "influx": _influx,
    "otlp": _otlp,
    "library": _library,
}


def main() -> None:
    """Print a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["encode", "stage", "live"])
    parser.add_argument("--devices", type=int, default=200)
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=5, help="polls of every device, a minute apart; live: minutes")
    parser.add_argument("--json", type=Path, help="stage, live: where the figures go")
    parser.add_argument("--telegraf", type=Path, metavar="PATH", help="stage: its program; else the PATH's")
    parser.add_argument("--discard", action="store_true", help="stage, live: a store that takes all and keeps nothing")
    args = parser.parse_args()
    if args.what != "encode":
        run(args)
        return
    rounds = [polls(args.devices, args.rows, minute) for minute in range(args.rounds + 1)]
    numbers = args.devices * args.rows * len(NAMES)
    print(f"{args.devices} devices x {args.rows} rows x {len(NAMES)} numbers, Python {platform.python_version()}")
    for name, make in STEPS.items():
        step, spent, sent = make(), [], 0
        for values in rounds:
            began = time.process_time()
            sent = sum(step(values[at : at + BATCH]) for at in range(0, len(values), BATCH))
            spent.append((time.process_time() - began) * 1e6 / numbers)
        warm = spent[1:]
        print(
            f"{name:16} {statistics.median(warm):6.3f} us a number (min {min(warm):.3f}, max {max(warm):.3f}; "
            f"first round {spent[0]:.3f}), {sent / numbers:.1f} bytes a number"
        )


if __name__ == "__main__":
    main()
