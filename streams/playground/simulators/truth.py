"""The true counters as pure functions of time, so that hours can be simulated at once.

Every count is the integral of a known rate; the true mean rate between two moments is therefore exact, not sampled.
Times are Unix seconds.
"""

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from streams.playground.simulators.chassis import Chassis
from streams.playground.simulators.neighbours import Neighbour
from streams.playground.simulators.peers import Peer
from streams.playground.simulators.waves import Wave

UPTIME_WRAPS: Final = 2**32  #: sysUpTime is TimeTicks: 497.1 days of hundredths of a second


class Quantity(enum.StrEnum):
    """The quantity that an interface counter counts, whatever the width and name of its column."""

    IN_OCTETS = "in_octets"
    IN_UNICAST = "in_unicast"
    IN_MULTICAST = "in_multicast"
    IN_BROADCAST = "in_broadcast"
    IN_DISCARDS = "in_discards"
    IN_ERRORS = "in_errors"
    IN_UNKNOWN_PROTOS = "in_unknown_protos"
    OUT_OCTETS = "out_octets"
    OUT_UNICAST = "out_unicast"
    OUT_MULTICAST = "out_multicast"
    OUT_BROADCAST = "out_broadcast"
    OUT_DISCARDS = "out_discards"
    OUT_ERRORS = "out_errors"
    ALIGNMENT_ERRORS = "alignment_errors"
    FCS_ERRORS = "fcs_errors"
    SINGLE_COLLISIONS = "single_collisions"
    MULTIPLE_COLLISIONS = "multiple_collisions"
    LATE_COLLISIONS = "late_collisions"
    MAC_OUT_ERRORS = "mac_out_errors"
    GIANTS = "giants"
    MAC_IN_ERRORS = "mac_in_errors"
    SYMBOL_ERRORS = "symbol_errors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    index: int  #: ifIndex
    name: str  #: ifName
    description: str  #: ifDescr
    alias: str  #: ifAlias
    speed_bits_per_s: int
    mtu: int = 1500
    media: int = 6  #: ifType, ethernetCsmacd
    physical_address: bytes = b""
    admin_up: bool = True
    oper_up: bool = True
    cut_after_s: float | None = None  #: from so long after the epoch on it is down; what was counted stays right
    waves: Mapping[Quantity, Wave]
    bases: Mapping[Quantity, int] = field(default_factory=dict)  #: counts at the epoch
    cleared_every_s: float | None = None  #: counters restart at zero, ifCounterDiscontinuityTime says when


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedDevice:
    site: str
    device_id: str
    address: str
    community: str
    vendor: str
    model: str
    description: str  #: sysDescr
    object_id: tuple[int, ...]  #: sysObjectID
    location: str
    interfaces: tuple[Interface, ...]
    role: str = "ordinary"  #: what is special about it, for people and checks
    silent: bool = False  #: never answers
    counters_64: bool = True  #: has the ifHC columns
    uptime_at_epoch_s: float = 90 * 86_400.0
    reboots_every_s: float | None = None
    reboot_takes_s: float = 4.0  #: silent for so long before each boot
    delay_s: float = 0.0  #: takes so long to answer
    drops_every: int = 0  #: every n-th request is lost; 0 for none
    max_message_bytes: int = 1472
    chassis_id: bytes = b""  #: a MAC address, as LLDP says it
    neighbours: tuple[Neighbour, ...] = ()
    chassis: Chassis | None = None  #: what is inside, where that is simulated
    local_as: int = 0
    peers: tuple[Peer, ...] = ()  #: of BGP

    def interface(self, name: str) -> Interface:
        """Return the interface of that ifName. Raises KeyError."""
        for candidate in self.interfaces:
            if candidate.name == name:
                return candidate
        raise KeyError(name)


def booted_at(device: SimulatedDevice, epoch_s: float, at_s: float) -> float:
    """Return when the device last booted as of at_s."""
    every = device.reboots_every_s
    if every is None or at_s < epoch_s + every:
        return epoch_s - device.uptime_at_epoch_s
    return epoch_s + every * math.floor((at_s - epoch_s) / every)


def answers(device: SimulatedDevice, epoch_s: float, at_s: float) -> bool:
    """Return whether the device answers at that time: some never do, some are booting."""
    if device.silent:
        return False
    every = device.reboots_every_s
    return every is None or (at_s - epoch_s) % every < every - device.reboot_takes_s


def uptime_cs(device: SimulatedDevice, epoch_s: float, at_s: float) -> int:
    """Return sysUpTime, hundredths of a second, wrapped as TimeTicks wrap."""
    return math.floor((at_s - booted_at(device, epoch_s, at_s)) * 100) % UPTIME_WRAPS


def counting_since(device: SimulatedDevice, interface: Interface, epoch_s: float, at_s: float) -> float:
    """Return when the interface's counters last started: a boot or a clearing."""
    boot = booted_at(device, epoch_s, at_s)
    every = interface.cleared_every_s
    if every is None or at_s < epoch_s + every:
        return boot
    return max(boot, epoch_s + every * math.floor((at_s - epoch_s) / every))


def discontinuity_cs(device: SimulatedDevice, interface: Interface, epoch_s: float, at_s: float) -> int:
    """Return ifCounterDiscontinuityTime: sysUpTime at the last clearing since boot, 0 where there was none."""
    since = counting_since(device, interface, epoch_s, at_s)
    boot = booted_at(device, epoch_s, at_s)
    return math.floor((since - boot) * 100) % UPTIME_WRAPS


def count(device: SimulatedDevice, interface: Interface, quantity: Quantity, epoch_s: float, at_s: float) -> int:
    """Return the true count, before any wrapping to 32 or 64 bits."""
    wave = interface.waves[quantity]
    since = counting_since(device, interface, epoch_s, at_s)
    if since < epoch_s:  # the first stretch starts at the epoch with the base
        return interface.bases.get(quantity, 0) + math.floor(wave.total(at_s - epoch_s) - wave.total(0))
    return math.floor(wave.total(at_s - epoch_s) - wave.total(since - epoch_s))


def mean_rate(
    device: SimulatedDevice, interface: Interface, quantity: Quantity, epoch_s: float, from_s: float, to_s: float
) -> float | None:
    """Return the true mean rate per second over the stretch, or None where the counters restarted within it.

    Raises ValueError where the stretch has no length.
    """
    if to_s <= from_s:
        raise ValueError(f"to_s {to_s} must be later than from_s {from_s}")
    if counting_since(device, interface, epoch_s, from_s) != counting_since(device, interface, epoch_s, to_s):
        return None
    return interface.waves[quantity].mean(from_s - epoch_s, to_s - epoch_s)


def restarts(device: SimulatedDevice, interface: Interface, epoch_s: float, from_s: float, to_s: float) -> list[float]:
    """Return the moments in (from_s, to_s] at which the interface's counters restarted, by boot or clearing."""
    moments = set()
    for every in (device.reboots_every_s, interface.cleared_every_s):
        if every is not None:
            first = max(1, math.floor((from_s - epoch_s) / every) + 1)
            last = math.floor((to_s - epoch_s) / every)
            moments |= {epoch_s + every * n for n in range(first, last + 1)}
    return sorted(moments)
