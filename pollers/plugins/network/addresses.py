"""The enrichment plugin `addresses`: reads a device's IP addresses and their interfaces from IP-MIB."""

from collections.abc import Mapping
from typing import Final

from pollers.plugins.base import PluginContext
from pollers.plugins.network.rows import (
    deadline_only,
    indexed_address,
    octets_of,
    rows_of,
    whole,
)
from pollers.plugins.snmp.enricher import device_of, enrichment
from pollers.profiles.reading.convert import address
from pollers.snmp.values import SnmpTable
from schemas.records import Enrichment, Resource

ADDRESSES: Final = "addresses"
#: ipAddressTable (RFC 4293): ifIndex, type, prefix
_IP_ADDRESS: Final = tuple(f"1.3.6.1.2.1.4.34.1.{column}" for column in (3, 4, 5))
#: ipAddrTable (RFC 1213, IPv4 only): ifIndex, mask
_IP_ADDR: Final = tuple(f"1.3.6.1.2.1.4.20.1.{column}" for column in (2, 3))
_UNICAST: Final = 1


class Addresses:
    """Reads ipAddressTable, and the older ipAddrTable where the newer one has no IPv4."""

    def __init__(self, context: PluginContext) -> None:
        """Raises OptionError."""
        self._context = context
        self._deadline_s = deadline_only(context)

    async def enrich(self, resource: Resource) -> Mapping[str, Enrichment]:
        """Return the namespace `addresses`: address -> if_index, prefix_length. Raises DeviceError."""
        now_ms = self._context.now_ms()
        async with self._context.snmp.open(device_of(resource), self._deadline_s) as session:
            rows = by_ip_address(await session.walk(_IP_ADDRESS))
            if not any("." in found for found in rows):
                rows |= by_ip_addr(await session.walk(_IP_ADDR))
        return {ADDRESSES: enrichment(self._context, now_ms, {}, dict(sorted(rows.items())))}


def by_ip_address(table: SnmpTable) -> dict[str, dict[str, str]]:
    """Return the unicast addresses of ipAddressTable; rows with malformed indexes are left out."""
    found: dict[str, dict[str, str]] = {}
    for index, (if_index, kind, prefix) in rows_of(table):
        text = indexed_address(index)
        if text is not None and whole(if_index) is not None and kind in (None, _UNICAST):
            length = str(prefix).rpartition(".")[2] if isinstance(prefix, str) and prefix.count(".") > 10 else ""
            found[text] = _row(if_index, length)
    return found


def by_ip_addr(table: SnmpTable) -> dict[str, dict[str, str]]:
    """Return the addresses of ipAddrTable."""
    found: dict[str, dict[str, str]] = {}
    for index, (if_index, mask) in rows_of(table):
        if len(index) == 4 and max(index) < 256 and whole(if_index) is not None:
            bits = octets_of(mask)
            length = str(int.from_bytes(bits).bit_count()) if bits and len(bits) == 4 else ""
            found[str(address(bytes(index)))] = _row(if_index, length)
    return found


def _row(if_index: object, prefix_length: str) -> dict[str, str]:
    row = {"if_index": str(if_index), "prefix_length": prefix_length}
    return {name: text for name, text in row.items() if text}


def create(context: PluginContext) -> Addresses:
    """Return the plugin. Raises OptionError."""
    return Addresses(context)
