"""The MIB view of each simulated device: OIDs in order, and their values at a given time."""

import bisect
import functools
from typing import Final

from streams.playground.simulators import ber, truth
from streams.playground.simulators.ber import Cell, Cells, Oid
from streams.playground.simulators.mibs import bgp as mib_bgp
from streams.playground.simulators.mibs import chassis as mib_chassis
from streams.playground.simulators.mibs import neighbours as mib_neighbours
from streams.playground.simulators.truth import Interface, Quantity, SimulatedDevice

SYSTEM: Final = (1, 3, 6, 1, 2, 1, 1)
IF_NUMBER: Final = (1, 3, 6, 1, 2, 1, 2, 1, 0)
IF_ENTRY: Final = (1, 3, 6, 1, 2, 1, 2, 2, 1)
IF_X_ENTRY: Final = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
DOT3_STATS_ENTRY: Final = (1, 3, 6, 1, 2, 1, 10, 7, 2, 1)
ENTRIES: Final = frozenset((
    IF_ENTRY, IF_X_ENTRY, DOT3_STATS_ENTRY, *mib_neighbours.ENTRIES, *mib_chassis.ENTRIES, *mib_bgp.ENTRIES,
))  # fmt: skip
ENTRY_LENGTHS: Final = sorted({len(entry) for entry in ENTRIES})
FULL_DUPLEX: Final = 3
GAUGE_32_MAX: Final = 2**32 - 1

#: column of ifTable -> what it counts, in 32 bits
IF_COUNTERS: Final = {
    10: Quantity.IN_OCTETS,
    11: Quantity.IN_UNICAST,
    13: Quantity.IN_DISCARDS,
    14: Quantity.IN_ERRORS,
    15: Quantity.IN_UNKNOWN_PROTOS,
    16: Quantity.OUT_OCTETS,
    17: Quantity.OUT_UNICAST,
    19: Quantity.OUT_DISCARDS,
    20: Quantity.OUT_ERRORS,
}
IF_X_COUNTERS_32: Final = {
    2: Quantity.IN_MULTICAST,
    3: Quantity.IN_BROADCAST,
    4: Quantity.OUT_MULTICAST,
    5: Quantity.OUT_BROADCAST,
}
IF_X_COUNTERS_64: Final = {
    6: Quantity.IN_OCTETS,
    7: Quantity.IN_UNICAST,
    8: Quantity.IN_MULTICAST,
    9: Quantity.IN_BROADCAST,
    10: Quantity.OUT_OCTETS,
    11: Quantity.OUT_UNICAST,
    12: Quantity.OUT_MULTICAST,
    13: Quantity.OUT_BROADCAST,
}
#: column of dot3StatsTable (EtherLike-MIB) -> what it counts, in 32 bits
DOT3_COUNTERS: Final = {
    2: Quantity.ALIGNMENT_ERRORS,
    3: Quantity.FCS_ERRORS,
    4: Quantity.SINGLE_COLLISIONS,
    5: Quantity.MULTIPLE_COLLISIONS,
    8: Quantity.LATE_COLLISIONS,
    10: Quantity.MAC_OUT_ERRORS,
    13: Quantity.GIANTS,
    16: Quantity.MAC_IN_ERRORS,
    18: Quantity.SYMBOL_ERRORS,
}


class Mib:
    """The MIB view of one device: encoded values by OID, and the order of OIDs."""

    def __init__(self, cells: Cells) -> None:
        self.oids = sorted(cells)
        self._names = [ber.oid(oid) for oid in self.oids]
        self._cells = [cells[oid] for oid in self.oids]
        self._places = {oid: place for place, oid in enumerate(self.oids)}
        self._objects = {oid[: _object_length(oid)] for oid in self.oids}

    def place(self, oid: Oid) -> int | None:
        """Return the position of this OID, or None."""
        return self._places.get(oid)

    def next_place(self, oid: Oid) -> int | None:
        """Return the position of the first OID after this one, or None at the end of the view."""
        place = bisect.bisect_right(self.oids, oid)
        return place if place < len(self.oids) else None

    def binding(self, place: int, at_s: float) -> bytes:
        """Return the encoded variable binding at that position."""
        cell = self._cells[place]
        return ber.sequence((self._names[place], cell if isinstance(cell, bytes) else cell(at_s)))

    def absent(self, oid: Oid) -> bytes:
        """Return noSuchInstance for an object without that instance, else noSuchObject."""
        known = any(oid[:length] in self._objects for length in (8, *(length + 1 for length in ENTRY_LENGTHS)))
        return ber.NO_SUCH_INSTANCE if known else ber.NO_SUCH_OBJECT


def _object_length(oid: Oid) -> int:
    """Return how many numbers name the object; what follows is its instance."""
    for length in ENTRY_LENGTHS:
        if oid[:length] in ENTRIES:
            return length + 1
    return len(oid) - 1


def build(device: SimulatedDevice, epoch_s: float) -> Mib:
    """Return the device's MIB view, with counters starting at epoch_s."""
    cells: Cells = {(*SYSTEM, column, 0): value for column, value in _system(device, epoch_s).items()}
    cells[IF_NUMBER] = ber.signed(len(device.interfaces))
    for interface in device.interfaces:
        for entry, columns in (
            (IF_ENTRY, _if_entry(device, interface, epoch_s)),
            (IF_X_ENTRY, _if_x_entry(device, interface, epoch_s)),
            (DOT3_STATS_ENTRY, _dot3_stats_entry(device, interface, epoch_s)),
        ):
            cells.update({(*entry, column, interface.index): value for column, value in columns.items()})
    cells |= mib_neighbours.cells(device)
    if device.chassis is not None:
        cells |= mib_chassis.cells(device.chassis, epoch_s)
    if device.peers:
        cells |= mib_bgp.cells(device.local_as, device.peers, device.address, epoch_s)
    return Mib(cells)


def _system(device: SimulatedDevice, epoch_s: float) -> dict[int, bytes | Cell]:
    return {
        1: ber.octets(device.description.encode()),
        2: ber.oid(device.object_id),
        3: lambda at_s: ber.unsigned(ber.TIME_TICKS, truth.uptime_cs(device, epoch_s, at_s)),
        4: ber.octets(b"noc@example.net"),
        5: ber.octets(device.device_id.encode()),
        6: ber.octets(device.location.encode()),
        7: ber.signed(78),
    }


def _counter(device: SimulatedDevice, interface: Interface, quantity: Quantity, epoch_s: float, bits: int) -> Cell:
    tag, modulus = (ber.COUNTER64, 2**64) if bits == 64 else (ber.COUNTER32, 2**32)
    return lambda at_s: ber.unsigned(tag, truth.count(device, interface, quantity, epoch_s, at_s) % modulus)


def _if_entry(device: SimulatedDevice, interface: Interface, epoch_s: float) -> dict[int, bytes | Cell]:
    counter = functools.partial(_counter, device, interface, epoch_s=epoch_s, bits=32)
    return {
        1: ber.signed(interface.index),
        2: ber.octets(interface.description.encode()),
        3: ber.signed(interface.media),
        4: ber.signed(interface.mtu),
        5: ber.unsigned(ber.GAUGE32, min(interface.speed_bits_per_s, GAUGE_32_MAX)),
        6: ber.octets(interface.physical_address),
        7: ber.signed(1 if interface.admin_up else 2),
        8: lambda at_s: ber.signed(1 if _is_up(interface, at_s - epoch_s) else 2),
        9: ber.unsigned(ber.TIME_TICKS, 0),
        **{column: counter(quantity) for column, quantity in IF_COUNTERS.items()},
    }


def _is_up(interface: Interface, at_s: float) -> bool:
    return interface.oper_up and (interface.cut_after_s is None or at_s < interface.cut_after_s)


def _if_x_entry(device: SimulatedDevice, interface: Interface, epoch_s: float) -> dict[int, bytes | Cell]:
    counter = functools.partial(_counter, device, interface, epoch_s=epoch_s)
    wide = IF_X_COUNTERS_64 if device.counters_64 else {}
    return {
        1: ber.octets(interface.name.encode()),
        **{column: counter(quantity, bits=32) for column, quantity in IF_X_COUNTERS_32.items()},
        **{column: counter(quantity, bits=64) for column, quantity in wide.items()},
        14: ber.signed(1),
        15: ber.unsigned(ber.GAUGE32, interface.speed_bits_per_s // 1_000_000),
        16: ber.signed(2),
        17: ber.signed(1),
        18: ber.octets(interface.alias.encode()),
        19: lambda at_s: ber.unsigned(ber.TIME_TICKS, truth.discontinuity_cs(device, interface, epoch_s, at_s)),
    }


def _dot3_stats_entry(device: SimulatedDevice, interface: Interface, epoch_s: float) -> dict[int, bytes | Cell]:
    counter = functools.partial(_counter, device, interface, epoch_s=epoch_s, bits=32)
    return {
        1: ber.signed(interface.index),
        **{column: counter(quantity) for column, quantity in DOT3_COUNTERS.items()},
        19: ber.signed(FULL_DUPLEX),
    }
