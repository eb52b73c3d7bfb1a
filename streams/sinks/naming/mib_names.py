"""Names and labels counters as snmp_exporter does, so that dashboards made for it work."""

from collections.abc import Mapping
from typing import Final

from pollers.plugins.batch import Row
from streams.sinks.naming.labels import KEYS, Labels
from streams.sinks.naming.names import Name, Names, label_name

#: dimension of an interface -> the label that snmp_exporter's module if_mib gives
INTERFACE: Final = {"if_index": "ifIndex", "name": "ifName", "alias": "ifAlias", "description": "ifDescr"}


class MibNames(Names):
    """Names counters by their MIB objects, unscaled; others by the vocabulary."""

    def counter(self, group: str, metric: str, unit: str) -> Name:
        found = self.mib_object(group, metric)
        return Name(found, unit, 1.0) if found else super().counter(group, metric, unit)


class MibLabels(Labels):
    """Labels interfaces as snmp_exporter does; `instance` is the polled address, `job` a setting."""

    def __init__(self, job: str, copied: tuple[str, ...] = (), added: Mapping[str, str] | None = None) -> None:
        super().__init__(copied, added)
        self._job = job

    def of_row(self, row: Row) -> list[tuple[str, str]]:
        named = {INTERFACE.get(name, label_name(name)): value for name, value in row.dimensions.items()}
        if row.group == "interface":
            named = {label: named[label] for label in INTERFACE.values() if label in named}
        copied = {name: value for name, value in super().of_row(row) if name not in KEYS}
        labels = {**copied, **named, "instance": row.endpoint, "job": self._job}
        return sorted((name, value) for name, value in labels.items() if value)
