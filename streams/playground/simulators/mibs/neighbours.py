"""LLDP-MIB (IEEE 802.1AB-2005, clause 12) and CISCO-CDP-MIB of a simulated device."""

import ipaddress
from typing import Final

from streams.playground.simulators import ber
from streams.playground.simulators.ber import Oid
from streams.playground.simulators.truth import SimulatedDevice

LLDP: Final = (1, 0, 8802, 1, 1, 2, 1)
LOCAL: Final = (*LLDP, 3)
LOCAL_PORT_ENTRY: Final = (*LLDP, 3, 7, 1)
LOCAL_ADDRESS_ENTRY: Final = (*LLDP, 3, 8, 1)
REMOTE_ENTRY: Final = (*LLDP, 4, 1, 1)
REMOTE_ADDRESS_ENTRY: Final = (*LLDP, 4, 2, 1)
CDP: Final = (1, 3, 6, 1, 4, 1, 9, 9, 23, 1)
CDP_INTERFACE_ENTRY: Final = (*CDP, 1, 1, 1)
CDP_CACHE_ENTRY: Final = (*CDP, 2, 1, 1)
ENTRIES: Final = (
    LOCAL_PORT_ENTRY, LOCAL_ADDRESS_ENTRY, REMOTE_ENTRY, REMOTE_ADDRESS_ENTRY, CDP_INTERFACE_ENTRY, CDP_CACHE_ENTRY,
)  # fmt: skip

CHASSIS_MAC: Final = 4  #: LldpChassisIdSubtype
PORT_NAME, PORT_LOCAL = 5, 7  #: LldpPortIdSubtype: ifName, and what only the device itself understands
#: vendors whose port id is the ifIndex as text
INDEX_AS_PORT_ID: Final = ("juniper", "nokia")
#: vendors that number LLDP's ports by position, where others take the ifIndex
OWN_PORT_NUMBERS: Final = ("cisco",)
IF_INDEX: Final = 2  #: LldpManAddrIfSubtype
IPV4: Final = 1  #: AddressFamilyNumbers
BRIDGE_AND_ROUTER: Final = b"\x28"  #: LldpSystemCapabilitiesMap
CDP_IP: Final = 1
CDP_CAPABILITIES: Final = bytes((0, 0, 0, 0x29))  #: router, switch, IGMP
FULL_DUPLEX: Final = 3
NO_OID: Final = (0, 0)


def cells(device: SimulatedDevice) -> dict[Oid, bytes]:
    """Return the encoded values by OID. CDP is spoken between Cisco devices only."""
    return {**_local(device), **_remote(device), **(_cdp(device) if device.vendor == "cisco" else {})}


def _local(device: SimulatedDevice) -> dict[Oid, bytes]:
    scalars = {
        1: ber.signed(CHASSIS_MAC),
        2: ber.octets(device.chassis_id),
        3: ber.octets(device.device_id.encode()),
        4: ber.octets(device.description.encode()),
        5: ber.octets(BRIDGE_AND_ROUTER),
        6: ber.octets(BRIDGE_AND_ROUTER),
    }
    address = _address(device.address)
    found: dict[Oid, bytes] = {(*LOCAL, scalar, 0): value for scalar, value in scalars.items()}
    found |= {
        (*LOCAL_ADDRESS_ENTRY, column, *address): value
        for column, value in {
            3: ber.signed(len(address)),
            4: ber.signed(IF_INDEX),
            5: ber.signed(device.interfaces[0].index),
            6: ber.oid(NO_OID),
        }.items()
    }
    for interface, number in zip(device.interfaces, _numbers(device), strict=True):
        subtype, port_id = _port_id(device.vendor, interface.index, interface.name)
        columns = {2: ber.signed(subtype), 3: ber.octets(port_id), 4: ber.octets(interface.description.encode())}
        found |= {(*LOCAL_PORT_ENTRY, column, number): value for column, value in columns.items()}
    return found


def _remote(device: SimulatedDevice) -> dict[Oid, bytes]:
    found: dict[Oid, bytes] = {}
    numbers = dict(zip((interface.index for interface in device.interfaces), _numbers(device), strict=True))
    for position, neighbour in enumerate(device.neighbours, 1):
        # lldpRemTimeMark (sysUpTime when it was heard), the own port, and a number that only tells rows apart
        place = (3000 + 7 * position, numbers[neighbour.port], position)
        subtype, port_id = _port_id(neighbour.vendor, neighbour.far_index, neighbour.far_name)
        columns = {
            4: ber.signed(CHASSIS_MAC),
            5: ber.octets(neighbour.chassis_id),
            6: ber.signed(subtype),
            7: ber.octets(port_id),
            8: ber.octets(neighbour.far_description.encode()),
            9: ber.octets(neighbour.device_id.encode()),
            10: ber.octets(neighbour.description.encode()),
            11: ber.octets(BRIDGE_AND_ROUTER),
            12: ber.octets(BRIDGE_AND_ROUTER),
        }
        found |= {(*REMOTE_ENTRY, column, *place): value for column, value in columns.items()}
        management = {3: ber.signed(IF_INDEX), 4: ber.signed(neighbour.far_index), 5: ber.oid(NO_OID)}
        where = (*place, *_address(neighbour.address))
        found |= {(*REMOTE_ADDRESS_ENTRY, column, *where): value for column, value in management.items()}
    return found


def _cdp(device: SimulatedDevice) -> dict[Oid, bytes]:
    found: dict[Oid, bytes] = {(*CDP, 3, 1, 0): ber.signed(1), (*CDP, 3, 4, 0): ber.octets(device.device_id.encode())}
    for interface in device.interfaces:
        found[*CDP_INTERFACE_ENTRY, 2, interface.index] = ber.signed(1)
        found[*CDP_INTERFACE_ENTRY, 6, interface.index] = ber.octets(interface.description.encode())
    for position, neighbour in enumerate(device.neighbours, 1):
        if neighbour.vendor != "cisco":
            continue
        columns = {
            3: ber.signed(CDP_IP),
            4: ber.octets(ipaddress.IPv4Address(neighbour.address).packed),
            5: ber.octets(neighbour.description.encode()),
            6: ber.octets(neighbour.device_id.encode()),
            7: ber.octets(neighbour.far_description.encode()),
            8: ber.octets(f"cisco {neighbour.model}".encode()),
            9: ber.octets(CDP_CAPABILITIES),
            12: ber.signed(FULL_DUPLEX),
        }
        place = (neighbour.port, position)
        found |= {(*CDP_CACHE_ENTRY, column, *place): value for column, value in columns.items()}
    return found


def _numbers(device: SimulatedDevice) -> list[int]:
    """Return lldpLocPortNum of each interface: it need not be the ifIndex, and here and there it is not."""
    if device.vendor in OWN_PORT_NUMBERS:
        return list(range(1, len(device.interfaces) + 1))
    return [interface.index for interface in device.interfaces]


def _port_id(vendor: str, index: int, name: str) -> tuple[int, bytes]:
    return (PORT_LOCAL, str(index).encode()) if vendor in INDEX_AS_PORT_ID else (PORT_NAME, name.encode())


def _address(text: str) -> tuple[int, ...]:
    """Return an address as the end of an index: family, length, octets."""
    packed = ipaddress.IPv4Address(text).packed
    return (IPV4, len(packed), *packed)
