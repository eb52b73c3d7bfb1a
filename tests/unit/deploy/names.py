"""Every name that a series of ours can have: the vocabulary's, of polls, of infos, and of the workers themselves."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pollers.vocabulary.load import load
from streams.sinks.naming.infos import POLL
from streams.sinks.naming.names import DEVICE_INFO, MAX_VALUES, Names, row_info
from streams.sinks.reading.statuses import OUTCOME, UNITS

ROOT: Final = Path(__file__).parents[3]
#: how a worker's number is added (streams/runtime/ops/metrics.py), and what its name ends in
_ENDINGS: Final = {"counter": "_total", "counters": "_total", "gauge": "", "gauges": ""}
_NAME: Final = re.compile(r"\bpanoptes_\w+")
_STRING: Final = re.compile(r'"[^"]*"')


def of_the_network() -> frozenset[str]:
    """Return the names of what the sinks write."""
    names, found = Names(), {DEVICE_INFO, Names().state(POLL, OUTCOME)}
    found |= {names.number(POLL, metric, unit).name for metric, unit in UNITS.items()}
    for group in load().groups.values():
        found.add(row_info(group.name))
        for metric in group.metrics.values():
            if not metric.states:
                found.add(names.number(group.name, metric.name, "").name)
            elif len(metric.states) <= MAX_VALUES:
                found.add(names.state(group.name, metric.name))
    return frozenset(found)


def of_the_workers() -> frozenset[str]:
    """Return the names in /metrics that the code spells out; a counter ends in _total."""
    return frozenset(f"panoptes_{name}" for path in (ROOT / "streams").rglob("*.py") for name in _added(path))


def mentioned(expr: str) -> frozenset[str]:
    """Return the names of ours in a query, outside strings."""
    return frozenset(_NAME.findall(_STRING.sub('""', expr)))


def _added(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _ENDINGS:
            for name in node.args[:1]:
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    yield f"{name.value}{_ENDINGS[node.func.attr]}"
