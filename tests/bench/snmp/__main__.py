"""What polling costs: our engines and their peers on the same simulated devices, in one run: `make bench-snmp`.

Prints the tables of docs/benchmarks/snmp.md; with --write, writes them there, with the raw figures and the picture.
"""

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.bench.snmp import peers
from tests.bench.snmp.collect import COLUMNS, INTERFACES, VALUES
from tests.bench.snmp.peers import Figures
from tests.bench.snmp.picture import bars
from tests.contract.snmp import agents

ROOT: Final = Path(__file__).resolve().parents[3]
DOCS: Final = ROOT / "docs" / "benchmarks"
TIMES, DASH = "\N{MULTIPLICATION SIGN}", "\N{EN DASH}"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def ours(name: str, port: int, devices: int, rounds: int, *options: str) -> tuple[Figures, dict[str, Any]]:
    """Run a collector of ours in a process of its own, and return its figures, raw too."""
    command = [sys.executable, "-m", "tests.bench.snmp.collect", "--port", str(port), "--devices", str(devices)]
    command += ["--rounds", str(rounds), *options]
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=900).stdout  # noqa: S603
    raw: dict[str, Any] = json.loads(out)
    first, *later = raw["rounds"]
    cost = [r["cpu_us_per_value"] for r in later]
    values = first["values"]
    note = f"{later[-1]['packets'] / devices:.0f} packets a device"
    figures = Figures(
        name,
        f"Python {platform.python_version()}",
        devices,
        values,
        cost,
        raw["peak_rss_bytes"],
        first["checksum"],
        note,
    )
    return figures, raw


def native_checksum(port: int, devices: int) -> int:
    return ours("", port, devices, 1)[0].checksum or 0


def compare(port: int, options: argparse.Namespace) -> tuple[list[Figures], dict[str, Any]]:
    """Return the figures of all collectors, each checked against what ours read. Raises RuntimeError for others."""
    devices, rounds = options.devices, options.rounds
    few = max(2, devices // 50)
    raw: dict[str, Any] = {}
    found: list[Figures] = []

    def add(key: str, figures: Figures | None, more: dict[str, Any] | None = None) -> None:
        if figures is None:
            sys.stdout.write(f"{key} is not installed: left out\n")
            return
        if figures.checksum != native_checksum(port, figures.devices):
            raise RuntimeError(f"{figures.name} read other values than the native engine")
        raw[key] = more or figures._asdict()
        found.append(figures)
        sys.stdout.write(f"{figures.name}: {min(figures.cpu_us_per_value):.2f} us per value\n")
        sys.stdout.flush()

    add("native", *ours("native, known rows", port, devices, rounds))
    add("native-walk", *ours("native, walk every time", port, devices, rounds, "--walk"))
    binary = peers.build_telegraf(options.cache)
    add("telegraf", peers.telegraf(binary, devices, port, 3) if binary else None)
    add("exporter", peers.exporter(devices, port, agents.free_port(), 3))
    add("gufo", *ours("gufo-snmp, known rows", port, devices // 5, rounds, "--engine", "gufo"))
    add("pysnmp", *ours("pysnmp", port, few, 2, "--engine", "pysnmp"))
    add("net-snmp", peers.bulkwalk(few, port))
    add("native-again", *ours("native, known rows, again", port, devices, rounds))
    return found, raw


def growth(port: int, sizes: Sequence[int]) -> list[dict[str, Any]]:
    return [ours("native", port, size, 2)[1] for size in sizes]


def version_three() -> list[dict[str, Any]]:
    """Return what each engine takes for SNMPv3 authPriv on a table of snmpd."""
    found = []
    with agents.snmpd(agents.v3_users(), hosts=20) as agent:
        for engine in ("native", "gufo", "pysnmp"):
            command = [sys.executable, "-m", "tests.bench.snmp.v3", "--engine", engine, "--port", str(agent.port)]
            out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=600).stdout  # noqa: S603
            found.append(json.loads(out))
    return found


def report(found: Sequence[Figures], grown: Sequence[dict[str, Any]], v3: Sequence[dict[str, Any]]) -> str:
    """Return the tables in Markdown."""
    best = min(found[0].cpu_us_per_value)
    lines = [
        (
            f"{found[0].devices:,} devices {TIMES} {INTERFACES} interfaces {TIMES} {len(COLUMNS)} columns; CPU of the "
            "collecting process, user and system, per value read; lowest and highest of the rounds."
        ),
        "",
        f"| collector | version | devices | µs per value | {TIMES} native | peak memory | notes |",
        "|---|---|---|---|---|---|---|",
    ]
    for f in found:
        low, high = min(f.cpu_us_per_value), max(f.cpu_us_per_value)
        version = re.sub(r"\s*\(.*", "", f.version)
        lines.append(
            f"| {f.name} | {version} | {f.devices:,} | {low:.2f} {DASH} {high:.2f} | {low / best:.1f} | "
            f"{f'{f.peak_rss_bytes / 2**20:.0f} MiB' if f.peak_rss_bytes else ''} | {f.note} |"
        )
    lines += [
        "",
        "The checksums of what was read (device, object, row and value) were equal for all of them.",
        "",
        "| devices | µs per value, first round (walk) | µs per value, known rows | seconds a round | peak memory |",
        "|---|---|---|---|---|",
    ]
    for g in grown:
        first, *later = g["rounds"]
        walked = f"{first['cpu_us_per_value']:.2f}"
        known = min(r["cpu_us_per_value"] for r in later)
        wall = min(r["wall_s"] for r in later)
        lines.append(
            f"| {g['devices']:,} | {walked} (with the checksum) | {known:.2f} | {wall:.1f} | "
            f"{g['peak_rss_bytes'] / 2**20:.0f} MiB |"
        )
    lines += ["", "SNMPv3, authPriv (SHA-1, AES-128), 20 addresses of a net-snmp agent:", ""]
    lines += ["| engine | values | µs per value |", "|---|---|---|"]
    lines += [f"| {v['engine']} | {v['values']:,} | {min(v['cpu_us_per_value']):.1f} |" for v in v3]
    return "\n".join(lines) + "\n"


def write(text: str, raw: dict[str, Any], found: Sequence[Figures]) -> None:
    page = DOCS / "snmp.md"
    before, _, rest = page.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
    (DOCS / "snmp.json").write_text(json.dumps(raw, indent=1, sort_keys=True) + "\n")
    rows = [(f.name, min(f.cpu_us_per_value), f.name.startswith("native")) for f in found if "again" not in f.name]
    rows = sorted((row for row in rows if row[1] < 50), key=lambda row: row[1])
    (DOCS / "snmp.svg").write_text(bars("CPU per value read, SNMPv2c (µs; less is better)", rows, "µs"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.snmp", description=__doc__)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--growth", type=int, nargs="*", default=[100, 1000, 10_000])
    parser.add_argument("--cache", type=Path, default=ROOT / ".state" / "bench", help="where Telegraf is built")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/snmp.md, .json and .svg")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        binary = agents.build_simagent(Path(folder))
        most = max([options.devices, *options.growth])
        flags = ("-devices", str(most), "-ports", str(INTERFACES), "-max-msg", "1472", "-frozen", "100h")
        with agents.simagent(binary, *flags) as agent:
            found, raw = compare(agent.port, options)
            grown = growth(agent.port, options.growth)
    v3 = version_three()
    text = report(found, grown, v3)
    sys.stdout.write("\n" + text)
    machine = {"python": platform.python_version(), "kernel": platform.release(), "values_per_device": VALUES}
    if options.write:
        write(text, {"machine": machine, "collectors": raw, "growth": grown, "v3": v3}, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
