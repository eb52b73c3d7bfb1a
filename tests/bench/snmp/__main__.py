"""What polling costs: our engines and their peers on the same simulated devices, in one run: `make bench-snmp`.

Prints the tables of docs/benchmarks/snmp.md; with --write, writes them there, with the raw figures and the picture.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.bench.pipeline.fleet import INTERFACES
from tests.bench.snmp import peers, report, telegraf, to_kafka
from tests.bench.snmp.collect import VALUES
from tests.bench.snmp.picture import bars
from tests.bench.snmp.watched import Figures, python
from tests.contract.snmp import agents

ROOT: Final = Path(__file__).resolve().parents[3]
DOCS: Final = ROOT / "docs" / "benchmarks"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def ours(name: str, port: int, devices: int, rounds: int, *options: str) -> tuple[Figures, dict[str, Any]]:
    """Run a collector of ours in a process of its own, and return its figures, raw too.

    Raises RuntimeError where its last round gave other values than its first, or another engine read them.
    """
    command = [sys.executable, "-m", "tests.bench.snmp.collect", "--port", str(port), "--devices", str(devices)]
    command += ["--rounds", str(rounds), *options]
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=900).stdout  # noqa: S603
    raw: dict[str, Any] = json.loads(out)
    first, *later = raw["rounds"]
    sums: dict[str, int] = raw["checksums"]
    if len(set(sums.values())) != 1:
        raise RuntimeError(f"{raw['engine']} read other values in its last round than in its first: {sums}")
    if raw["values_by_engine"].get(raw["engine"], 0) < first["values"]:
        raise RuntimeError(f"{raw['engine']} did not read its values itself: {raw['values_by_engine']}")
    cost = [r["cpu_us_per_value"] for r in later]
    version, note = python(), f"{later[-1]['packets'] / devices:.0f} packets a device"
    return Figures(name, version, devices, first["values"], cost, raw["peak_rss_bytes"], sums, note), raw


def native_checksum(port: int, devices: int) -> int:
    return ours("", port, devices, 1)[0].checksums["first walk"]


def compare(port: int, binary: Path | None, options: argparse.Namespace) -> tuple[list[Figures], dict[str, Any]]:
    """Return the figures of all collectors, each checked against what ours read. Raises RuntimeError for others."""
    devices, rounds = options.devices, options.rounds
    few = max(2, devices // 50)
    raw: dict[str, Any] = {}
    found: list[Figures] = []

    def add(key: str, figures: Figures | None, more: dict[str, Any] | None = None) -> None:
        if figures is None:
            sys.stdout.write(f"{key} is not installed: left out\n")
            return
        check(figures, port)
        raw[key] = more or figures._asdict()
        found.append(figures)
        say(figures)

    add("native", *ours("native, known rows", port, devices, rounds))
    add("native-walk", *ours("native, walk every time", port, devices, rounds, "--walk"))
    add("telegraf", telegraf.discarding(telegraf.Run(binary, devices, port, 3)) if binary else None)
    add("exporter", peers.exporter(devices, port, agents.free_port(), 3))
    add("pysnmp", *ours("pysnmp", port, few, 2, "--engine", "pysnmp"))
    add("net-snmp", peers.bulkwalk(few, port))
    add("native-again", *ours("native, known rows, again", port, devices, rounds))
    return found, raw


def check(figures: Figures, port: int) -> None:
    """Raises RuntimeError where a round gave other values than the native engine's walk of as many devices."""
    expected = native_checksum(port, figures.devices)
    for which, checksum in figures.checksums.items():
        if checksum != expected:
            raise RuntimeError(f"{figures.name} read other values than the native engine: {which}")


def say(figures: Figures) -> None:
    sys.stdout.write(f"{figures.name}: {min(figures.cpu_us_per_value):.2f} us per value\n")
    sys.stdout.flush()


def to_the_end(port: int, binary: Path | None, options: argparse.Namespace) -> to_kafka.Whole:
    """Return the figures from the tick to Kafka, Telegraf's checked. Raises RuntimeError for others."""
    whole = to_kafka.measure(port, binary, options)
    for figures in all_of(whole):
        check(figures, port)
        say(figures)
    return whole


def all_of(whole: to_kafka.Whole) -> list[Figures]:
    return [whole.ours, *(figures for way in whole.ways for figures in way.found)]


def growth(port: int, sizes: Sequence[int]) -> list[dict[str, Any]]:
    return [ours("native", port, size, 2)[1] for size in sizes]


def version_three() -> list[dict[str, Any]]:
    """Return what each engine takes for SNMPv3 authPriv on a table of snmpd."""
    found = []
    with agents.snmpd(agents.v3_users(), hosts=20) as agent:
        for engine in ("native", "pysnmp"):
            command = [sys.executable, "-m", "tests.bench.snmp.v3", "--engine", engine, "--port", str(agent.port)]
            out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=600).stdout  # noqa: S603
            found.append(json.loads(out))
    return found


def page(
    found: Sequence[Figures],
    whole: to_kafka.Whole | None,
    grown: Sequence[dict[str, Any]],
    v3: Sequence[dict[str, Any]],
) -> str:
    """Return all tables in Markdown."""
    parts = [report.clients(found)]
    if whole is not None:
        parts.append(report.from_tick_to_kafka(whole))
    parts += [report.growth(grown), report.version_three(v3)]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def write(text: str, raw: dict[str, Any], found: Sequence[Figures], whole: to_kafka.Whole | None) -> None:
    path = DOCS / "snmp.md"
    before, _, rest = path.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
    (DOCS / "snmp.json").write_text(json.dumps(raw, indent=1, sort_keys=True) + "\n")
    way = all_of(whole) if whole else []
    drawn = [f for f in [*found, *way] if "again" not in f.name]
    rows = [(f.name, min(f.cpu_us_per_value), f.name.startswith(("native", "ours"))) for f in drawn]
    rows = sorted((row for row in rows if row[1] < 50), key=lambda row: row[1])
    (DOCS / "snmp.svg").write_text(bars("CPU per value read, SNMPv2c (µs; less is better)", rows, "µs"))


def at_least_one(text: str) -> int:
    """Return a whole number of at least 1. Raises argparse.ArgumentTypeError."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text!r}")
    return int(text)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.snmp", description=__doc__)
    parser.add_argument("--devices", type=at_least_one, default=1000)
    parser.add_argument("--rounds", type=at_least_one, default=5)
    parser.add_argument("--growth", type=at_least_one, nargs="*", default=[100, 1000, 10_000])
    parser.add_argument(
        "--intervals", type=at_least_one, nargs="+", default=[60, 10], help="seconds between polls on the way to Kafka"
    )
    parser.add_argument("--minutes", type=float, default=3.0, help="how long the way to Kafka is measured, for each")
    parser.add_argument("--no-kafka", action="store_true", help="leave the way to Kafka out")
    parser.add_argument("--cache", type=Path, default=ROOT / ".state" / "bench", help="where Telegraf is built")
    parser.add_argument("--jars", type=Path, default=ROOT / ".state" / "jars", help="of the local services")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/snmp.md, .json and .svg")
    options = parser.parse_args()
    if options.write and options.no_kafka:
        parser.error("--write without the way to Kafka would leave half of the figures out")
    options.cache.mkdir(parents=True, exist_ok=True)
    binary = telegraf.build(options.cache)
    with tempfile.TemporaryDirectory() as folder:
        agent_binary = agents.build_simagent(Path(folder))
        most = max([options.devices, *options.growth])
        flags = ("-devices", str(most), "-ports", str(INTERFACES), "-max-msg", "1472", "-frozen", "100h")
        with agents.simagent(agent_binary, *flags) as agent:
            found, raw = compare(agent.port, binary, options)
            whole = None if options.no_kafka else to_the_end(agent.port, binary, options)
            grown = growth(agent.port, options.growth)
    v3 = version_three()
    text = page(found, whole, grown, v3)
    sys.stdout.write("\n" + text)
    machine = {"python": platform.python_version(), "kernel": platform.release(), "values_per_device": VALUES}
    if options.write:
        way = whole.raw if whole else None
        raw = {"machine": machine, "collectors": raw, "to_kafka": way, "growth": grown, "v3": v3}
        write(text, raw, found, whole)
    return 0


if __name__ == "__main__":
    sys.exit(main())
