"""The hardware of a simulated device, and its true readings; times are seconds since the epoch."""

import enum
from dataclasses import dataclass
from typing import Final, NamedTuple

from streams.playground.simulators.levels import LevelRow
from streams.playground.simulators.waves import Wave

GIB: Final = 2**30


class SensorKind(enum.IntEnum):
    """EntitySensorDataType (RFC 3433), which CISCO-ENTITY-SENSOR-MIB has as well."""

    VOLTS_DC = 4
    AMPERES = 5
    WATTS = 6
    CELSIUS = 8
    RPM = 10


#: what a reading of each kind is called, and the group of its rows
GROUPS: Final = {
    SensorKind.VOLTS_DC: "voltage",
    SensorKind.AMPERES: "current",
    SensorKind.WATTS: "power_draw",
    SensorKind.CELSIUS: "temperature",
    SensorKind.RPM: "rotation",
}


class Sensor(NamedTuple):
    name: str
    kind: SensorKind
    wave: Wave
    decimals: int = 0


class Supply(NamedTuple):
    name: str
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chassis:
    model: str
    serial: str
    processors: tuple[tuple[str, Wave], ...]  #: name, load in percent
    memory_name: str
    memory_bytes: int
    memory_used: Wave
    sensors: tuple[Sensor, ...]
    supplies: tuple[Supply, ...]
    #: by the Cisco MIBs, which name processors and tell the state of supplies; else by HOST-RESOURCES-MIB
    cisco: bool = False

    def used_bytes(self, at_s: float) -> int:
        return round(self.memory_used.at(at_s))


def rows(chassis: Chassis, at_s: float) -> dict[tuple[str, str], LevelRow]:
    """Return (group, row) -> the values that a gauge of it must have at that moment."""
    used = chassis.used_bytes(at_s)
    found = {
        ("memory", chassis.memory_name): LevelRow(
            {
                "memory_used": used,
                "memory_total": chassis.memory_bytes,
                "memory_utilization": 100 * used / chassis.memory_bytes,
            }
        )
    }
    for number, (name, load) in enumerate(chassis.processors):
        found["cpu", name if chassis.cisco else f"CPU {number}"] = LevelRow({"cpu_utilization": load.at(at_s)})
    for sensor in chassis.sensors:
        group = GROUPS[sensor.kind]
        found[group, sensor.name] = LevelRow({group: sensor.wave.at(at_s)}, states={"sensor_state": "ok"})
    if chassis.cisco:
        for supply in chassis.supplies:
            found["power", supply.name] = LevelRow(states={"power_state": "ok" if supply.on else "failed"})
    return found


def access_switch(serial: str) -> Chassis:
    """Return the hardware of a Cisco Catalyst."""
    return Chassis(
        model="C9300-48P",
        serial=serial,
        processors=(("CPU 0", Wave(34, 0.5, period_s=420)),),
        memory_name="CPU 0",
        memory_bytes=8 * GIB,
        memory_used=Wave(3.4 * GIB, 0.1, period_s=900),
        sensors=(
            Sensor("Inlet Temp Sensor", SensorKind.CELSIUS, Wave(27, 0.1, period_s=1200)),
            Sensor("HotSpot Temp Sensor", SensorKind.CELSIUS, Wave(52, 0.15, period_s=700)),
            Sensor("PS1 Output Power", SensorKind.WATTS, Wave(182.5, 0.08, period_s=500), 1),
            Sensor("Fan 1 Speed", SensorKind.RPM, Wave(5200, 0.05, period_s=600)),
        ),
        supplies=(Supply("Power Supply 1", on=True), Supply("Power Supply 2", on=False)),
        cisco=True,
    )


def leaf_switch(serial: str) -> Chassis:
    """Return the hardware of an Arista switch: HOST-RESOURCES-MIB and ENTITY-SENSOR-MIB."""
    return Chassis(
        model="DCS-7050SX3-48YC8",
        serial=serial,
        processors=tuple(
            (f"Core{number}", Wave(12 + 5 * number, 0.4, period_s=380 + 70 * number)) for number in range(4)
        ),
        memory_name="RAM",
        memory_bytes=8 * GIB,
        memory_used=Wave(2.6 * GIB, 0.08, period_s=800),
        sensors=(
            Sensor("Cpu temp sensor", SensorKind.CELSIUS, Wave(48.5, 0.1, period_s=640), 1),
            Sensor("Front-panel temp sensor", SensorKind.CELSIUS, Wave(24.5, 0.06, period_s=1100), 1),
            Sensor("Fan Tray 1 Fan 1", SensorKind.RPM, Wave(9600, 0.05, period_s=450)),
            Sensor("PowerSupply1 output current sensor", SensorKind.AMPERES, Wave(11.4, 0.1, period_s=520), 2),
            Sensor("PowerSupply2 output voltage sensor", SensorKind.VOLTS_DC, Wave(12.06, 0.005, period_s=610), 2),
        ),
        supplies=(Supply("PowerSupply1", on=True), Supply("PowerSupply2", on=True)),
    )
