"""The simulated fleet: its devices, their peculiarities, and their true rates."""

import dataclasses
import ipaddress
import random
from collections.abc import Mapping
from typing import Final, TypedDict

from streams.playground.simulators import topology
from streams.playground.simulators.chassis import access_switch, leaf_switch
from streams.playground.simulators.peers import Peer
from streams.playground.simulators.truth import Interface, Quantity, SimulatedDevice
from streams.playground.simulators.vendors import (
    ARISTA,
    CISCO_ACCESS,
    CISCO_OLD,
    HUAWEI,
    JUNIPER,
    NOKIA,
    Model,
    SimulatedPort,
)
from streams.playground.simulators.waves import Wave

INTERFACES: Final = 48
SITES: Final = {"ams1": "Amsterdam, hall 2, rack {rack}", "fra2": "Frankfurt, row D, rack {rack}",
                "nyc3": "New York, cage 17, rack {rack}"}  # fmt: skip
#: site -> community; the others have the default one
COMMUNITIES: Final = {"fra2": "frankfurt-read"}
DEFAULT_COMMUNITY: Final = "public"
WRONG_COMMUNITY: Final = "changed-last-night"
FIRST_ADDRESS: Final = ipaddress.IPv4Address("127.0.10.1")
MODELS: Final = (CISCO_ACCESS, ARISTA, JUNIPER, NOKIA, HUAWEI)
KINDS: Final = {"cisco": "sw", "arista": "leaf", "juniper": "edge", "nokia": "core", "huawei": "acc"}

#: roles of devices that never answer
MUTE_ROLES: Final = ("silent", "wrong-community")
#: autonomous systems of the first two devices, which speak BGP with each other
AS: Final = (65001, 65002)
LINK_NETWORK: Final = ipaddress.IPv4Address("192.0.2.0")
#: a session whose far end is away
TRANSIT: Final = Peer("198.51.100.1", "198.51.100.0", 64496, "198.51.100.1", None)

#: how often the rebooting device reboots; the other events follow from it
EVENTS_EVERY_S: Final = 130.0
CLEAR_SHARE: Final = 0.85
UPTIME_WRAP_SHARE: Final = 0.92
CLEARED: Final = 6  #: position of the interface whose counters are cleared
LAST_UPTIME_CS: Final = 2**32


class Traits(TypedDict, total=False):
    """The peculiarities of a device: fields of SimulatedDevice."""

    community: str
    uptime_at_epoch_s: float
    silent: bool
    counters_64: bool
    delay_s: float
    drops_every: int
    max_message_bytes: int


#: role -> what sets the device apart from an ordinary one; one device each, from the third on
ROLES: Final[Mapping[str, Traits]] = {
    "silent": {"silent": True},
    "reboots": {"uptime_at_epoch_s": 3_600.0},
    "wraps-32-bit": {"counters_64": False},
    "wrong-community": {"community": WRONG_COMMUNITY},
    "uptime-wraps": {},
    "clears-counters": {},
    "huge-counters": {},
    "slow": {"delay_s": 0.1},
    "lossy": {"drops_every": 20},
    "small-messages": {"max_message_bytes": 484},
}


def fleet(
    devices: int = 24, interfaces: int = INTERFACES, *, events_every_s: float = EVENTS_EVERY_S
) -> list[SimulatedDevice]:
    """Return the devices; equal arguments give equal devices. Raises ValueError for fewer than there are roles."""
    if devices < len(ROLES) + 2:
        raise ValueError(f"at least {len(ROLES) + 2} devices are needed, so that each role has one")
    roles = ["ordinary", "ordinary", *ROLES] + ["ordinary"] * (devices - len(ROLES) - 2)
    apart = [_device(n, role, interfaces) for n, role in enumerate(roles)]
    links = topology.links(apart, [n for n, role in enumerate(roles) if role in MUTE_ROLES])
    first, second, *others = topology.joined(apart, links)
    sessions = sum({link.a.device, link.b.device} == {0, 1} for link in links)
    first = dataclasses.replace(
        first,
        chassis=access_switch("FOC2401L0P1"),
        local_as=AS[0],
        peers=(*_peers(first, second, sessions, 0), TRANSIT),
    )
    second = dataclasses.replace(
        second, chassis=leaf_switch("JPE23010042"), local_as=AS[1], peers=_peers(second, first, sessions, 1)
    )
    return [_with_events(device, events_every_s) for device in (first, second, *others)]


def cut(devices: list[SimulatedDevice], after_s: float) -> list[SimulatedDevice]:
    """Return the fleet with its first link down at both ends from that time on."""
    near = next(device for device in devices if device.neighbours and device.role not in MUTE_ROLES)
    link = near.neighbours[0]
    ends = {(near.device_id, link.port), (link.device_id, link.far_index)}

    def after(device: SimulatedDevice) -> SimulatedDevice:
        ports = tuple(
            dataclasses.replace(port, cut_after_s=after_s) if (device.device_id, port.index) in ends else port
            for port in device.interfaces
        )
        return dataclasses.replace(device, interfaces=ports)

    return [after(device) for device in devices]


def _peers(near: SimulatedDevice, far: SimulatedDevice, sessions: int, side: int) -> tuple[Peer, ...]:
    """Return one end's view of the sessions over the links between two devices; `side` 0 and 1 agree."""
    found = []
    for number in range(sessions):
        dice = random.Random(f"bgp {number}")
        there = {"updates": Wave(dice.uniform(0.5, 4), 0.4, period_s=500), "messages": Wave(dice.uniform(5, 9), 0.2)}
        back = {"updates": Wave(dice.uniform(0.5, 4), 0.4, period_s=700), "messages": Wave(dice.uniform(5, 9), 0.2)}
        sent, received = (there, back) if side == 0 else (back, there)
        addresses = [str(LINK_NETWORK + 2 * number + end) for end in (side, 1 - side)]
        found.append(
            Peer(
                local_address=addresses[0],
                address=addresses[1],
                remote_as=AS[1 - side],
                identifier=far.address,
                established_s=min(near.uptime_at_epoch_s, far.uptime_at_epoch_s) / 2,
                updates_in=received["updates"],
                updates_out=sent["updates"],
                messages_in=received["messages"],
                messages_out=sent["messages"],
            )
        )
    return tuple(found)


def _with_events(device: SimulatedDevice, every_s: float) -> SimulatedDevice:
    """Return the device with what its role makes happen, and when."""
    if device.role == "reboots":
        return dataclasses.replace(device, reboots_every_s=every_s)
    if device.role == "uptime-wraps":
        return dataclasses.replace(device, uptime_at_epoch_s=LAST_UPTIME_CS / 100 - UPTIME_WRAP_SHARE * every_s)
    if device.role == "clears-counters":
        ports = list(device.interfaces)
        ports[CLEARED] = dataclasses.replace(ports[CLEARED], cleared_every_s=CLEAR_SHARE * every_s)
        return dataclasses.replace(device, interfaces=tuple(ports))
    return device


def _device(n: int, role: str, interfaces: int) -> SimulatedDevice:
    site = list(SITES)[n % len(SITES)]
    model = CISCO_OLD if role == "wraps-32-bit" else MODELS[n % len(MODELS)]
    dice = random.Random(f"{n} {role}")
    traits: Traits = {
        "community": COMMUNITIES.get(site, DEFAULT_COMMUNITY),
        "uptime_at_epoch_s": dice.uniform(2, 300) * 86_400,
        **ROLES.get(role, {}),
    }
    return SimulatedDevice(
        site=site,
        device_id=f"{KINDS[model.vendor]}{n + 1:02d}.{site}.example.net",
        address=str(FIRST_ADDRESS + n // 250 * 256 + n % 250),
        vendor=model.vendor,
        model=model.model,
        description=model.description,
        object_id=model.object_id,
        location=SITES[site].format(rack=10 + n),
        interfaces=tuple(_interface(model, model.port(k), k, n, role, dice) for k in range(1, interfaces + 1)),
        role=role,
        chassis_id=_chassis_id(model, n),
        **traits,
    )


def _chassis_id(model: Model, n: int) -> bytes:
    return model.oui + bytes((n >> 8 & 255, n & 255, 0))


def _interface(model: Model, port: SimulatedPort, k: int, n: int, role: str, dice: random.Random) -> Interface:
    admin_up, oper_up = k != 11, k not in (11, 12)
    return Interface(
        index=port.index,
        name=port.name,
        description=port.description,
        alias=_alias(k, n, dice),
        speed_bits_per_s=port.speed_bits_per_s,
        mtu=9216 if port.speed_bits_per_s >= 10**10 else 1500,
        physical_address=_chassis_id(model, n)[:-1] + bytes((k & 255,)),
        admin_up=admin_up,
        oper_up=oper_up,
        waves=_waves(port.speed_bits_per_s, role, dice) if oper_up else dict.fromkeys(Quantity, Wave(0.0)),
        bases=_bases(role, dice),
    )


def _alias(k: int, n: int, dice: random.Random) -> str:
    if k > 44:
        return f"uplink {k - 44} to core{1 + (n + k) % 2:02d} [10G-{1000 + 50 * n + k}]"
    if k in (11, 12):
        return "" if k == 11 else "spare"
    return dice.choice((f"server rack {10 + n} unit {k}", f"customer {1000 + 48 * n + k}", f"Büro {k}", "access"))


def _waves(speed_bits_per_s: int, role: str, dice: random.Random) -> dict[Quantity, Wave]:
    """Return the rates: at most 90 % of the line rate, packets of 300 to 1,100 octets, a few errors."""
    line = speed_bits_per_s / 8
    share = dice.uniform(0.40, 0.70) if role == "wraps-32-bit" else 10 ** dice.uniform(-3, -0.2)

    def wave(mean: float, swing: float = 0.25) -> Wave:
        return Wave(mean, swing, period_s=dice.uniform(240, 1200), shift_s=dice.uniform(0, 1200))

    into, out = wave(line * share), wave(line * share * dice.uniform(0.3, 1.1))
    return {
        **dict.fromkeys(Quantity, Wave(0.0)),  # a healthy full-duplex line
        Quantity.IN_OCTETS: into,
        Quantity.OUT_OCTETS: out,
        Quantity.IN_UNICAST: wave(into.mean_per_s / dice.uniform(300, 1100)),
        Quantity.OUT_UNICAST: wave(out.mean_per_s / dice.uniform(300, 1100)),
        Quantity.IN_MULTICAST: wave(dice.uniform(1, 90)),
        Quantity.OUT_MULTICAST: wave(dice.uniform(1, 90)),
        Quantity.IN_BROADCAST: wave(dice.uniform(0.5, 30)),
        Quantity.OUT_BROADCAST: wave(dice.uniform(0.5, 30)),
        Quantity.IN_DISCARDS: wave(dice.uniform(0, 4), 0.0),
        Quantity.OUT_DISCARDS: wave(dice.uniform(0, 4), 0.0),
        Quantity.IN_ERRORS: wave(dice.choice((0, 0, 0.05, 1.5)), 0.0),
        Quantity.FCS_ERRORS: wave(dice.choice((0, 0, 0, 0.7)), 0.0),
    }


def _bases(role: str, dice: random.Random) -> dict[Quantity, int]:
    """Return the counts at the epoch; huge ones stand above 2^63, where a signed 64-bit number ends."""
    if role == "huge-counters":
        return dict.fromkeys((Quantity.IN_OCTETS, Quantity.OUT_OCTETS), 2**63 + dice.randrange(2**62))
    return {quantity: dice.randrange(2**40) for quantity in Quantity}
