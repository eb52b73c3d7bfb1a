"""The tables of docs/benchmarks/snmp.md, from figures."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.bench.pipeline.fleet import INTERFACES
from tests.bench.snmp.collect import COLUMNS
from tests.bench.snmp.to_kafka import Whole
from tests.bench.snmp.watched import Figures

TIMES, DASH = "\N{MULTIPLICATION SIGN}", "\N{EN DASH}"
RULE: Final = "|---|---|---|---|---|---|---|---|"


def clients(found: Sequence[Figures]) -> list[str]:
    """Return the table of the collectors alone, the first of which is what others are compared with."""
    return [
        (
            f"{found[0].devices:,} devices {TIMES} {INTERFACES} interfaces {TIMES} {len(COLUMNS)} columns; CPU of the "
            "collecting process, user and system, per value read; lowest and highest of the rounds."
        ),
        "",
        f"| collector | version | devices | µs per value | {TIMES} native | peak memory | rounds compared | notes |",
        RULE,
        *(_line(f, min(found[0].cpu_us_per_value), ", ".join(f.checksums)) for f in found),
        "",
        (
            "The checksums (of device, object, row and value) of the rounds named were equal to those of the native "
            "engine's walk for all of them. For that, known rows were read once more after the timed rounds, by the "
            "engine itself, as its trace says."
        ),
    ]


def from_tick_to_kafka(whole: Whole) -> list[str]:
    """Return the table of the whole: Telegraf against the worker, which does all that Telegraf does, by interval."""
    ours, ways, memory, _ = whole
    lines = [_line(ours, min(ways[0].found[0].cpu_us_per_value), ", ".join(ours.checksums))]
    for found, _ in ways:
        lines += [_line(f, min(found[0].cpu_us_per_value), ", ".join(f.checksums)) for f in found]
    each, resident = memory["bytes_per_idle_device"], memory["resident_mib"]["polled"]
    return [
        "From the tick to Kafka:",
        "",
        f"| what | version | devices | µs per value | {TIMES} the worker | peak memory | rounds compared | notes |",
        RULE,
        *lines,
        "",
        (
            "Of worker and Telegraf all of the process is counted, idle seconds too, and Telegraf is compared with the "
            "worker at the same interval, the poller with the worker at the first. Telegraf asks all devices at once, "
            "as it does by default, or spread over the interval, as the worker always does: `collection_jitter`, one "
            "input for each device then, and rounds by the clock. "
            f"With {memory['devices']:,} devices the poller (tick to bytes) has {resident} MiB resident; each device "
            f"between two polls takes {each:,} bytes of them, all that the stage and the client know of it."
        ),
    ]


def growth(grown: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how costs and memory of the client grow with its devices."""
    lines = [
        "| devices | µs per value, first round (walk) | µs per value, known rows | seconds a round | peak memory |",
        "|---|---|---|---|---|",
    ]
    for g in grown:
        first, *later = g["rounds"]
        known, wall = min(r["cpu_us_per_value"] for r in later), min(r["wall_s"] for r in later)
        lines.append(
            f"| {g['devices']:,} | {first['cpu_us_per_value']:.2f} (with the checksum) | {known:.2f} | {wall:.1f} | "
            f"{g['peak_rss_bytes'] / 2**20:.0f} MiB |"
        )
    each = idle_bytes(grown)
    if each is not None:
        lines += [
            "",
            f"An idle device takes {each:,} bytes of the client's process: what the largest adds to the least.",
        ]
    return lines


def idle_bytes(grown: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the bytes that each device more leaves in the client's process; None for devices of one number only."""
    least, most = min(grown, key=_devices, default=None), max(grown, key=_devices, default=None)
    if least is None or most is None or _devices(least) == _devices(most):
        return None
    grew: int = most["idle_growth_bytes"] - least["idle_growth_bytes"]
    return round(grew / (_devices(most) - _devices(least)))


def version_three(v3: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        "SNMPv3, authPriv (SHA-1, AES-128), 20 addresses of a net-snmp agent:",
        "",
        "| engine | values | µs per value |",
        "|---|---|---|",
        *(f"| {v['engine']} | {v['values']:,} | {min(v['cpu_us_per_value']):.1f} |" for v in v3),
    ]


def _devices(figures: Mapping[str, Any]) -> int:
    return int(figures["devices"])


def _line(f: Figures, best: float, compared: str) -> str:
    low, high = min(f.cpu_us_per_value), max(f.cpu_us_per_value)
    version = re.sub(r"\s*\(.*", "", f.version)
    peak = f"{f.peak_rss_bytes / 2**20:.0f} MiB" if f.peak_rss_bytes else ""
    cost = f"{low:.2f} {DASH} {high:.2f}" if len(f.cpu_us_per_value) > 1 else f"{low:.2f}"
    cells = (f.name, version, f"{f.devices:,}", cost, f"{low / best:.1f}", peak, compared, f.note)
    return f"| {' | '.join(cells)} |"
