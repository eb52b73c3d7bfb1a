"""The enrichment plugin `neighbours`: reads the neighbours of a device's ports by LLDP and CDP."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from pollers.plugins.base import PluginContext
from pollers.plugins.network.heard import CHASSIS_TYPES, Heard, Id, Local, Own, Reject, Rejected, identifier, statements
from pollers.plugins.network.ports import STANDARD, Port, numbered, ports_plan, read_ports
from pollers.plugins.network.protocols import (
    CDP,
    CDP_CACHE,
    CDP_DEVICE_ID,
    CDP_RUN,
    LLDP,
    LLDP_V2,
    Lldp,
    heard_by_cdp,
    heard_by_lldp,
    own_ports,
)
from pollers.plugins.network.rows import exists
from pollers.plugins.snmp.enricher import SnmpEnricher, device_of, enrichment
from pollers.profiles.memory.facts import INTERFACE
from pollers.profiles.model import Profile
from pollers.profiles.reading.plan import Plan
from pollers.snmp.client import Session
from pollers.snmp.values import Value
from schemas.records import Enrichment, Resource

#: namespaces of what it finds
NEIGHBOURS: Final = "neighbours"
PORTS: Final = "ports"
_SCALARS: Final = (
    *(oid for mib in (LLDP, LLDP_V2) for oid in (mib.chassis_subtype, mib.chassis_id, mib.system_name)),
    CDP_RUN,
    CDP_DEVICE_ID,
)


class Neighbours(SnmpEnricher):
    """Asks which protocols the device speaks, and reads only their tables."""

    def __init__(self, context: PluginContext) -> None:
        """Raises OptionError."""
        super().__init__(context)
        self._plans: dict[str, tuple[Profile, Plan]] = {}

    async def enrich(self, resource: Resource) -> Mapping[str, Enrichment]:
        """Return the namespaces `neighbours`, a row for each neighbour, and `ports`, the local ports. Raises
        DeviceError.
        """
        now_ms = await self.now_ms()
        async with self.context.snmp.open(device_of(resource), self.deadline_s) as session:
            profile = await self.fitting_profile(session)
            ports = await read_ports(session, self._plan(profile), now_ms)
            scalars = dict(zip(_SCALARS, await session.get_many(_SCALARS), strict=True))
            return await self._read(session, scalars, ports, now_ms)

    async def _read(
        self, session: Session, scalars: Mapping[str, Value], ports: Sequence[Port], now_ms: int
    ) -> Mapping[str, Enrichment]:
        rejected: Counter[Reject] = Counter()
        heard: list[Heard] = []
        ids: Mapping[str, Sequence[str]] = {}
        numbers = {(protocol, int(port.if_index)): port for port in ports for protocol in (LLDP_V2.protocol, CDP)}
        for mib in (LLDP, LLDP_V2):
            if exists(scalars[mib.chassis_id]):
                remote = await session.walk(mib.remote)
                heard += heard_by_lldp(mib, remote, await session.walk([mib.addresses]), rejected)
                by_number, named = numbered(ports, own_ports(await session.walk(mib.local_ports)))
                numbers |= {(mib.protocol, number): port for number, port in by_number.items()}
                ids = {**named, **ids}
        if exists(scalars[CDP_RUN]) or exists(scalars[CDP_DEVICE_ID]):
            heard += heard_by_cdp(await session.walk(CDP_CACHE), rejected)
        own = _own(scalars)
        local = {
            place: Local(port.row, port.if_index, frozenset({port.row, port.name, *ids.get(port.row, ("", ""))[1:]}))
            for place, port in numbers.items()
        }
        rows, more = statements(heard, local, own)
        counts = {f"rejected.{reason}": str(count) for reason, count in sorted((rejected + more).items())}
        return {
            NEIGHBOURS: enrichment(self.context, now_ms, {**_identifiers(scalars), **counts}, rows),
            PORTS: enrichment(self.context, now_ms, {}, {port.row: _port(port, ids) for port in ports}),
        }

    def _plan(self, name: str) -> Plan:
        profiles = self.watch.library.profiles
        profile = profiles.get(name)
        if profile is None or INTERFACE not in profile.tables:
            profile = profiles[STANDARD]
        known = self._plans.get(profile.name)
        if known is None or known[0] is not profile:
            known = self._plans[profile.name] = (profile, ports_plan(profile))
        return known[1]


def _chassis(scalars: Mapping[str, Value], mib: Lldp) -> Id | None:
    try:
        return identifier(scalars[mib.chassis_subtype].data, scalars[mib.chassis_id].data, CHASSIS_TYPES)
    except Rejected:
        return None


def _text(value: Value) -> str:
    return value.data.decode("utf-8", "replace").strip() if exists(value) and isinstance(value.data, bytes) else ""


def _own(scalars: Mapping[str, Value]) -> Own:
    names = {_text(scalars[oid]) for oid in (LLDP.system_name, LLDP_V2.system_name, CDP_DEVICE_ID)}
    return Own(_chassis(scalars, LLDP) or _chassis(scalars, LLDP_V2), frozenset(names - {""}))


def _identifiers(scalars: Mapping[str, Value]) -> dict[str, str]:
    """Return what the device calls itself, under the names that `Resource.identifiers` has where that has one."""
    chassis = _own(scalars).chassis
    found = {
        "chassis_id": chassis.text if chassis else "",
        "chassis_id_type": chassis.kind if chassis else "",
        "sys_name": _text(scalars[LLDP.system_name]) or _text(scalars[LLDP_V2.system_name]),
        "cdp_device_id": _text(scalars[CDP_DEVICE_ID]),
    }
    return {name: text for name, text in found.items() if text}


def _port(port: Port, ids: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return a row of the namespace `ports`; names that are the row's key are not said again."""
    kind, text = ids.get(port.row, ("", ""))
    found = {
        "if_index": port.if_index,
        "oper_state": port.oper_state,
        "name": port.name if port.name != port.row else "",
        "description": port.description if port.description != port.row else "",
        "lldp_port_id": text if text != port.row else "",
        "lldp_port_id_type": kind if text != port.row else "",
    }
    return {name: said for name, said in found.items() if said}


def create(context: PluginContext) -> Neighbours:
    """Return the plugin. Raises OptionError."""
    return Neighbours(context)
