"""Our rows under the names that the reference system uses, for the comparison."""

import math
from collections.abc import Callable
from typing import Any, Final

Row = dict[str, Any]
NOT_SET: Final = "<not set>"


def rows_of(rows: list[Row], group: str) -> list[Row]:
    return [row for row in rows if row["group"] == group]


def by_name(rows: list[Row], group: str, name: str) -> Row | None:
    """Return the row of that name: as key, or as a dimension."""
    for row in rows_of(rows, group):
        if row["row"] == name or name in row["dimensions"].values():
            return row
    return None


def number(group: str, column: str, convert: Callable[[float], float] = lambda value: value) -> Callable[..., Any]:
    def find(rows: list[Row], name: str) -> Any:
        row = by_name(rows, group, name)
        value = row and (row["gauges"] | row["counters"]).get(column)
        return None if value is None else convert(value)

    return find


def text(group: str, column: str) -> Callable[..., Any]:
    def find(rows: list[Row], name: str) -> Any:
        row = by_name(rows, group, name)
        return None if row is None else row["dimensions"].get(column, "")

    return find


def code(group: str, column: str, words: dict[str, int]) -> Callable[..., Any]:
    def find(rows: list[Row], name: str) -> Any:
        row = by_name(rows, group, name)
        return None if row is None else words.get(row["states"].get(column, ""))

    return find


def total(column: str) -> Callable[..., Any]:
    def find(rows: list[Row], _name: str) -> Any:
        found = rows_of(rows, "environment")
        return found[0]["gauges"].get(column) if found else None

    return find


def fans(which: str) -> Callable[..., Any]:
    """Return how many fans there are, or trays where the device has only these: the reference calls both fans."""

    def find(rows: list[Row], name: str) -> Any:
        found = total(f"fans_{which}")(rows, name)
        return total(f"fan_trays_{which}")(rows, name) if found is None else found

    return find


def power_units(rows: list[Row], name: str) -> Any:
    """Return how many supplies of a kind there are; of all kinds where none is named."""
    if not name:
        return total("power_units_total")(rows, name)
    return len([row for row in rows_of(rows, "power") if row["dimensions"].get("power_module_type") == name])


def fahrenheit(celsius: float) -> float:
    return round(celsius * 1.8 + 32, 2)


UP_DOWN: Final = {"up": 1, "down": 2, "testing": 3}
BGP: Final = {"idle": 1, "connect": 2, "active": 3, "opensent": 4, "openconfirm": 5, "established": 6}

#: (group, name) of the reference -> how to find the same among our rows
SAME: Final[dict[tuple[str, str], Callable[..., Any]]] = {
    ("cpu", "cpu_utilization"): number("cpu", "cpu_utilization"),
    ("memory", "memory_used"): number("memory", "memory_used", math.floor),
    ("memory", "memory_total"): number("memory", "memory_total"),
    ("environment", "temperature_fahrenheit"): number("temperature", "temperature", fahrenheit),
    ("environment", "fans_total"): fans("total"),
    ("environment", "fans_ok"): fans("ok"),
    ("environment", "power_units_total"): power_units,
    ("environment", "power_units_on"): power_units,
    ("disk", "storage_used_bytes"): number("storage", "storage_used"),
    ("disk", "storage_total_bytes"): number("storage", "storage_total"),
    ("disk", "storage_allocation_failures"): number("storage", "storage_allocation_failures"),
    ("bgp_session", "peer_in_updates"): number("bgp_peer", "updates_in"),
    ("bgp_session", "peer_out_updates"): number("bgp_peer", "updates_out"),
    ("bgp_session", "peer_session_established_time"): number("bgp_peer", "established_time"),
    ("bgp_session", "peer_session_transitions"): number("bgp_peer", "transitions"),
    ("bgp_session", "peer_state"): code("bgp_peer", "peer_state", BGP),
    ("bgp_session", "peer_status"): code("bgp_peer", "peer_status", {"stop": 1, "start": 2}),
    ("bgp_session", "prefix_in_prefixes"): number("bgp_prefix", "prefixes_in"),
    ("bgp_session", "prefix_in_prefixes_accepted"): number("bgp_prefix", "prefixes_accepted"),
    ("bgp_session", "prefix_in_prefixes_active"): number("bgp_prefix", "prefixes_active"),
    ("bgp_session", "prefix_in_prefixes_rejected"): number("bgp_prefix", "prefixes_rejected"),
    ("bgp_session", "dimension local_address"): text("bgp_peer", "local_address"),
    ("bgp_session", "dimension peer_local_as"): text("bgp_peer", "local_as"),
    ("bgp_session", "dimension peer_remote_as"): text("bgp_peer", "remote_as"),
    ("interface", "admin_state"): code("interface", "admin_state", UP_DOWN),
    ("interface", "oper_state"): code("interface", "oper_state", UP_DOWN),
    ("interface", "bits_in"): number("interface", "octets_in", lambda octets: octets * 8),
    ("interface", "bits_out"): number("interface", "octets_out", lambda octets: octets * 8),
    ("interface", "errors_giants"): number("interface", "errors_giants"),
    ("interface", "errors_crc"): number("interface", "errors_crc"),
    ("interface", "errors_frame"): number("interface", "errors_alignment"),
    ("interface", "dimension media_type"): text("interface", "media_type"),
    **{
        ("interface", f"{what}_{way}"): number("interface", f"{what}_{way}")
        for what in ("unicast_packets", "multicast_packets", "broadcast_packets", "errors", "discards")
        for way in ("in", "out")
    },
    ("interface", "mtu"): number("interface", "mtu"),
    ("interface facts", "interface_name"): text("interface", "name"),
    ("interface facts", "alias"): text("interface", "alias"),
    ("interface facts", "description"): text("interface", "description"),
    ("interface facts", "media_type"): text("interface", "media_type"),
    ("interface facts", "physical_address"): text("interface", "physical_address"),
    ("interface facts", "configured_speed"): number("interface", "speed_bits_per_s"),
    ("interface facts", "port_speed"): number("interface", "speed_bits_per_s"),
    ("interface facts", "parent_interface_name"): text("interface", "parent"),
}
