"""Counters as snmp_exporter names and labels them, so that the dashboards made for it show the same curves."""

from collections.abc import Mapping
from typing import Final

from pollers.plugins.batch import Row
from streams.sinks.labels import KEYS, Labels
from streams.sinks.names import ByUnit, Name, Naming, label_name

#: dimension of an interface -> the label that snmp_exporter's module if_mib gives
INTERFACE: Final = {"if_index": "ifIndex", "name": "ifName", "alias": "ifAlias", "description": "ifDescr"}
#: MIB objects of the interface group, as long as the vocabulary is not asked
IF_MIB: Final = {
    "octets_in": "ifHCInOctets",
    "octets_out": "ifHCOutOctets",
    "unicast_packets_in": "ifHCInUcastPkts",
    "unicast_packets_out": "ifHCOutUcastPkts",
    "multicast_packets_in": "ifHCInMulticastPkts",
    "multicast_packets_out": "ifHCOutMulticastPkts",
    "broadcast_packets_in": "ifHCInBroadcastPkts",
    "broadcast_packets_out": "ifHCOutBroadcastPkts",
    "discards_in": "ifInDiscards",
    "discards_out": "ifOutDiscards",
    "errors_in": "ifInErrors",
    "errors_out": "ifOutErrors",
}


class MibNames(ByUnit):
    """Names of counters are their MIB objects', unscaled; what has none is named as ever."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming

    def counter(self, group: str, metric: str, unit: str) -> Name:
        found = self._naming.mib_object(group, metric) or (IF_MIB.get(metric) if group == "interface" else None)
        return Name(found, unit, 1.0) if found else self._naming.counter(group, metric, unit)

    def number(self, group: str, metric: str, unit: str) -> Name:
        return self._naming.number(group, metric, unit)

    def state(self, group: str, state: str) -> str:
        return self._naming.state(group, state)

    def values(self, group: str, state: str) -> tuple[str, ...]:
        return self._naming.values(group, state)


class MibLabels(Labels):
    """Labels of an interface are those of snmp_exporter; `instance` is what is polled, `job` a setting."""

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
