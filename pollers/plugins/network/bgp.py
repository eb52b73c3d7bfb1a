"""The enrichment plugin `bgp`: reads a device's BGP peers from BGP4-MIB (RFC 4273, IPv4 peers)."""

from collections.abc import Mapping
from typing import Final

from pollers.plugins.base import PluginContext
from pollers.plugins.network.rows import deadline_only, exists, rows_of
from pollers.plugins.snmp.enricher import device_of, enrichment
from pollers.profiles.language.absent import Absent
from pollers.profiles.language.functions import as_text
from pollers.profiles.model import As
from pollers.profiles.reading.convert import raw_value
from pollers.snmp.values import Data, Type
from schemas.records import Enrichment, Resource

BGP: Final = "bgp"
_LOCAL_AS: Final = "1.3.6.1.2.1.15.2.0"
_IDENTIFIER: Final = "1.3.6.1.2.1.15.4.0"
#: bgpPeerTable: identifier, local address, remote AS
_PEERS: Final = tuple(f"1.3.6.1.2.1.15.3.1.{column}" for column in (1, 5, 9))
_NOBODY: Final = "0.0.0.0"  # noqa: S104 - bgpPeerIdentifier of a peer that has not said who it is


class Bgp:
    """Reads the list of peers; their state is polled as a metric."""

    def __init__(self, context: PluginContext) -> None:
        """Raises OptionError."""
        self._context = context
        self._deadline_s = deadline_only(context)

    async def enrich(self, resource: Resource) -> Mapping[str, Enrichment]:
        """Return the namespace `bgp`, or none where the device does not speak it. Raises DeviceError.

        Its rows are the gauges' rows of `bgp_peer`: the peer's address -> remote_as, local_address, identifier.
        """
        now_ms = self._context.now_ms()
        async with self._context.snmp.open(device_of(resource), self._deadline_s) as session:
            local_as, identifier = await session.get_many([_LOCAL_AS, _IDENTIFIER])
            if not exists(local_as):
                return {}
            table = await session.walk(_PEERS)
        facts = {"local_as": str(local_as.data), "identifier": _address(identifier.data)}
        rows: dict[str, dict[str, str]] = {}
        for index, (peer, local, remote_as) in rows_of(table):
            if len(index) == 4 and max(index) < 256 and isinstance(remote_as, int):
                said = {"remote_as": str(remote_as), "local_address": _address(local), "identifier": _address(peer)}
                rows[".".join(map(str, index))] = {
                    name: text for name, text in said.items() if text not in ("", _NOBODY)
                }
        return {BGP: enrichment(self._context, now_ms, {name: text for name, text in facts.items() if text}, rows)}


def _address(data: Data) -> str:
    cell = raw_value(Type.IP_ADDRESS, data, As.IP)
    return "" if data is None or isinstance(cell, Absent) else as_text(cell)


def create(context: PluginContext) -> Bgp:
    """Return the plugin. Raises OptionError."""
    return Bgp(context)
