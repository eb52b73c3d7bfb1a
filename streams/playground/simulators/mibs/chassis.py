"""ENTITY-MIB of a simulated device, with the Cisco MIBs or HOST-RESOURCES and ENTITY-SENSOR-MIB."""

from collections.abc import Callable, Mapping
from typing import Final

from streams.playground.simulators import ber
from streams.playground.simulators.ber import Cell, Cells, Oid
from streams.playground.simulators.chassis import Chassis, Sensor

ENTITY_ENTRY: Final = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1)
ENTITY_SENSOR_ENTRY: Final = (1, 3, 6, 1, 2, 1, 99, 1, 1, 1)
HR_STORAGE_ENTRY: Final = (1, 3, 6, 1, 2, 1, 25, 2, 3, 1)
HR_DEVICE_ENTRY: Final = (1, 3, 6, 1, 2, 1, 25, 3, 2, 1)
HR_PROCESSOR_ENTRY: Final = (1, 3, 6, 1, 2, 1, 25, 3, 3, 1)
CISCO_CPU_ENTRY: Final = (1, 3, 6, 1, 4, 1, 9, 9, 109, 1, 1, 1, 1)
CISCO_SENSOR_ENTRY: Final = (1, 3, 6, 1, 4, 1, 9, 9, 91, 1, 1, 1, 1)
CISCO_SUPPLY_ENTRY: Final = (1, 3, 6, 1, 4, 1, 9, 9, 117, 1, 1, 2, 1)
ENTRIES: Final = (
    ENTITY_ENTRY, ENTITY_SENSOR_ENTRY, HR_STORAGE_ENTRY, HR_DEVICE_ENTRY, HR_PROCESSOR_ENTRY, CISCO_CPU_ENTRY,
    CISCO_SENSOR_ENTRY, CISCO_SUPPLY_ENTRY,
)  # fmt: skip

#: PhysicalClass
CHASSIS, SUPPLY, SENSOR, CPU = 3, 6, 8, 12
#: entPhysicalIndex of the first of each kind; the chassis is 1
FIRST: Final = {CPU: 10, SUPPLY: 100, SENSOR: 1000}
UNITS: Final = 9  #: SensorDataScale
SUPPLY_ON, SUPPLY_WITHOUT_INPUT = 2, 5  #: PowerOperType: on, offEnvPower
HR_RAM: Final = (1, 3, 6, 1, 2, 1, 25, 2, 1, 2)
HR_PROCESSOR: Final = (1, 3, 6, 1, 2, 1, 25, 3, 1, 3)
BLOCK_BYTES: Final = 4096


def cells(chassis: Chassis, epoch_s: float) -> Cells:
    """Return the values by OID, oscillating from epoch_s on."""
    found = _parts(chassis)
    found |= _cisco(chassis, epoch_s) if chassis.cisco else _host(chassis, epoch_s)
    entry = CISCO_SENSOR_ENTRY if chassis.cisco else ENTITY_SENSOR_ENTRY
    for index, sensor in enumerate(chassis.sensors, FIRST[SENSOR]):
        found |= _row(entry, index, _sensor(sensor, epoch_s))
    return found


def _row(entry: Oid, index: int, columns: Mapping[int, bytes | Cell]) -> Cells:
    return {(*entry, column, index): value for column, value in columns.items()}


def _gauge(level: Callable[[float], float], epoch_s: float) -> Cell:
    return lambda at_s: ber.unsigned(ber.GAUGE32, round(level(at_s - epoch_s)))


def _parts(chassis: Chassis) -> Cells:
    """Return entPhysicalTable."""
    kinds = {
        CPU: [name for name, _ in chassis.processors],
        SUPPLY: [supply.name for supply in chassis.supplies],
        SENSOR: [sensor.name for sensor in chassis.sensors],
    }
    parts = [(1, CHASSIS, 0, chassis.model)]
    parts += [(index, kind, 1, name) for kind, names in kinds.items() for index, name in enumerate(names, FIRST[kind])]
    found: Cells = {}
    for index, kind, inside, name in parts:
        columns: dict[int, bytes | Cell] = {
            2: ber.octets(name.encode()),
            4: ber.signed(inside),
            5: ber.signed(kind),
            6: ber.signed(index - FIRST.get(kind, 1) + 1),
            7: ber.octets(name.encode()),
            11: ber.octets(chassis.serial.encode() if kind == CHASSIS else b""),
            13: ber.octets(chassis.model.encode() if kind == CHASSIS else b""),
            16: ber.signed(1 if kind in (CHASSIS, SUPPLY) else 2),
        }
        found |= _row(ENTITY_ENTRY, index, columns)
    return found


def _sensor(sensor: Sensor, epoch_s: float) -> dict[int, bytes | Cell]:
    def reading(at_s: float) -> bytes:
        return ber.signed(round(sensor.wave.at(at_s - epoch_s) * 10**sensor.decimals))

    return {
        1: ber.signed(sensor.kind),
        2: ber.signed(UNITS),
        3: ber.signed(sensor.decimals),
        4: reading,
        5: ber.signed(1),
    }


def _cisco(chassis: Chassis, epoch_s: float) -> Cells:
    found: Cells = {}
    for number, (_, load) in enumerate(chassis.processors):
        columns: dict[int, bytes | Cell] = {
            2: ber.signed(FIRST[CPU] + number),
            **dict.fromkeys((6, 7, 8), _gauge(load.at, epoch_s)),
            12: _gauge(lambda t_s: chassis.used_bytes(t_s) / 1024, epoch_s),
            13: _gauge(lambda t_s: (chassis.memory_bytes - chassis.used_bytes(t_s)) / 1024, epoch_s),
        }
        found |= _row(CISCO_CPU_ENTRY, number + 1, columns)
    for index, supply in enumerate(chassis.supplies, FIRST[SUPPLY]):
        state = SUPPLY_ON if supply.on else SUPPLY_WITHOUT_INPUT
        found |= _row(CISCO_SUPPLY_ENTRY, index, {1: ber.signed(1), 2: ber.signed(state)})
    return found


def _host(chassis: Chassis, epoch_s: float) -> Cells:
    found: Cells = {}
    for number, (name, load) in enumerate(chassis.processors, 1):
        device = {1: ber.signed(number), 2: ber.oid(HR_PROCESSOR), 3: ber.octets(name.encode())}
        found |= _row(HR_DEVICE_ENTRY, number, device)
        percent = _integer(load.at, epoch_s)
        found |= _row(HR_PROCESSOR_ENTRY, number, {1: ber.oid((0, 0)), 2: percent})
    memory: dict[int, bytes | Cell] = {
        1: ber.signed(1),
        2: ber.oid(HR_RAM),
        3: ber.octets(chassis.memory_name.encode()),
        4: ber.signed(BLOCK_BYTES),
        5: ber.signed(chassis.memory_bytes // BLOCK_BYTES),
        6: _integer(lambda t_s: chassis.used_bytes(t_s) / BLOCK_BYTES, epoch_s),
    }
    return found | _row(HR_STORAGE_ENTRY, 1, memory)


def _integer(level: Callable[[float], float], epoch_s: float) -> Cell:
    return lambda at_s: ber.signed(round(level(at_s - epoch_s)))
