"""Reads a device's interfaces with the same row keys as their gauges, by the profile that fits the device."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from pollers.profiles.language.absent import Absent
from pollers.profiles.language.functions import as_text
from pollers.profiles.memory.facts import INTERFACE
from pollers.profiles.model import Profile
from pollers.profiles.reading.constants import row_keys
from pollers.profiles.reading.plan import Plan, PlannedWalk, make_plan
from pollers.profiles.reading.poll import read_device
from pollers.profiles.reading.state import DeviceState
from pollers.snmp.client import Session

#: the profile whose interfaces stand in for those of a profile without any
STANDARD: Final = "if-mib"
#: what is read of an interface, where the profile has it
_READ: Final = ("name", "description", "oper_state")


class Port(NamedTuple):
    row: str  #: the gauges' row
    if_index: str
    name: str  #: ifName
    description: str  #: ifDescr
    oper_state: str  #: up, down, …; empty where the device does not say


def ports_plan(profile: Profile) -> Plan:
    """Return a plan that reads only the row keys and states of a profile's interfaces."""
    table = profile.tables[INTERFACE]
    groups = [group for group in profile.groups.values() if INTERFACE in group.tables]
    whole = make_plan(profile, groups)
    wanted = {*table.row, *_READ}
    oids = tuple(source.oid for name, column in table.columns.items() if name in wanted for source in column.sources)
    if table.when is not None or any(name not in table.columns for name in table.row):
        return whole  # what a row is known by, or whether it counts, needs more than these columns
    return replace(
        whole,
        groups=(),
        scalars=(),
        slow_scalars=(),
        slow_names={},
        needs={},
        walks=(PlannedWalk((INTERFACE,), oids, ()),),
    )


async def read_ports(session: Session, plan: Plan, now_ms: int) -> Sequence[Port]:
    """Return the device's interfaces, keyed as its gauges are. Raises SnmpError."""
    reading = await read_device(session, DeviceState(plan=plan), now_ms)
    frame = reading.frames.frame(INTERFACE)
    columns = {name: frame.column(name) for name in _READ if name in plan.profile.tables[INTERFACE].columns}

    def text(name: str, row: int) -> str:
        cell = columns[name][row] if name in columns else ""
        return "" if isinstance(cell, Absent) else as_text(cell).strip()

    return [
        Port(key, frame.index[row], *(text(name, row) for name in _READ))
        for key, row in zip(row_keys(frame), frame.kept, strict=True)
    ]


def numbered(
    ports: Iterable[Port], own: Mapping[int, Sequence[str]]
) -> tuple[Mapping[int, Port], Mapping[str, Sequence[str]]]:
    """Return LLDP's port numbers -> ports, and port rows -> kind and text of the device's own LLDP port id.

    The numbers should be ifIndexes and need not be: what the device calls the port decides where it says so.
    """
    ports = list(ports)
    by_index = {port.if_index: port for port in ports}
    by_text: dict[str, list[Port]] = {}
    for port in ports:
        for text in {port.row, port.name, port.description} - {""}:
            by_text.setdefault(text, []).append(port)

    def meant(number: int, kind: str, text: str, description: str) -> Port | None:
        if kind == "local" and text in by_index:
            return by_index[text]
        for name in (text, description):
            if len(found := by_text.get(name, [])) == 1:
                return found[0]
        return by_index.get(str(number))

    numbers = {number: found for number, said in own.items() if (found := meant(number, *said)) is not None}
    ids = {port.row: own[number][:2] for number, port in numbers.items() if own[number][1]}
    return {**{int(port.if_index): port for port in ports if not own and port.if_index.isdigit()}, **numbers}, ids
