"""What the reference system made of the recordings, in our words, so that the two can be compared value by value."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Value(NamedTuple):
    group: str
    row: str  #: the name of the row that our rows have as well: a dimension's value
    name: str
    value: Any


#: dimension of a reference group that names the row
ROW = {"cpu": "cpu_name", "memory": "memory_type", "disk": "storage_description", "bgp_session": "peer_address"}


def polled(folder: Path) -> Iterator[Value]:
    """Yield the values of reference-polling.json."""
    path = folder / "reference-polling.json"
    for entry in json.loads(path.read_text(encoding="utf-8")) if path.is_file() else ():
        dimensions = {one["dimension_name"]: str(one["dimension_value"]) for one in entry["dimensions"]}
        group = entry["metrics_group_type"]
        if group == "interface":
            row = dimensions["interface_name"]
        else:
            row = dimensions.get(ROW.get(group, ""), dimensions.get("sensor", dimensions.get("power_module_type", "")))
        for metric in entry["metrics"]:
            yield Value(group, row, metric["metric_name"], metric["metric_value"])
        for name, value in dimensions.items():
            if value != row:
                yield Value(group, row, f"dimension {name}", value)


def enriched(folder: Path) -> Iterator[Value]:
    """Yield the facts of interfaces in reference-enrichment.json."""
    path = folder / "reference-enrichment.json"
    source = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for part in source.get("enrichment", ()):
        for data in part["data"]:
            for facts in data.values():
                if "interface_name" in facts:
                    for name, value in facts.items():
                        yield Value("interface facts", facts["interface_name"], name, value)
