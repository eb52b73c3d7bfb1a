"""The sysDescr, names and interface names of several vendors' devices."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

GBIT: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPort:
    index: int  #: ifIndex
    name: str  #: ifName
    description: str  #: ifDescr
    speed_bits_per_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    vendor: str
    model: str
    object_id: tuple[int, ...]  #: sysObjectID
    description: str  #: sysDescr
    port: Callable[[int], SimulatedPort]  #: by position, from 1
    oui: bytes  #: first three octets of its physical addresses


def _cisco_access(n: int) -> SimulatedPort:
    if n <= 44:
        return SimulatedPort(
            index=n + 8, name=f"Gi1/0/{n}", description=f"GigabitEthernet1/0/{n}", speed_bits_per_s=GBIT
        )
    k = n - 44
    return SimulatedPort(
        index=n + 8, name=f"Te1/1/{k}", description=f"TenGigabitEthernet1/1/{k}", speed_bits_per_s=10 * GBIT
    )


def _cisco_fast(n: int) -> SimulatedPort:
    return SimulatedPort(index=10_000 + n, name=f"Gi0/{n}", description=f"GigabitEthernet0/{n}", speed_bits_per_s=GBIT)


def _arista(n: int) -> SimulatedPort:
    if n <= 44:
        return SimulatedPort(index=n, name=f"Ethernet{n}", description=f"Ethernet{n}", speed_bits_per_s=25 * GBIT)
    return SimulatedPort(index=n, name=f"Ethernet{n}/1", description=f"Ethernet{n}/1", speed_bits_per_s=100 * GBIT)


def _juniper(n: int) -> SimulatedPort:
    kind, slot, speed = ("xe", 0, 10 * GBIT) if n <= 40 else ("et", 1, 100 * GBIT)
    name = f"{kind}-{slot}/0/{(n - 1) % 40}"
    return SimulatedPort(index=500 + n, name=name, description=name, speed_bits_per_s=speed)


def _nokia(n: int) -> SimulatedPort:
    name = f"1/{1 + (n - 1) // 24}/{1 + (n - 1) % 24}"
    text = f"{name}, 10-Gig Ethernet"
    return SimulatedPort(index=35_684_352 + n * 32_768, name=name, description=text, speed_bits_per_s=10 * GBIT)


def _huawei(n: int) -> SimulatedPort:
    if n <= 44:
        text = f"GigabitEthernet0/0/{n}"
        return SimulatedPort(index=n + 5, name=text, description=text, speed_bits_per_s=GBIT)
    text = f"XGigabitEthernet0/0/{n - 44}"
    return SimulatedPort(index=n + 5, name=text, description=text, speed_bits_per_s=10 * GBIT)


CISCO_ACCESS: Final = Model(
    vendor="cisco",
    model="C9300-48P",
    object_id=(1, 3, 6, 1, 4, 1, 9, 1, 2494),
    description="Cisco IOS Software [Cupertino], Catalyst L3 Switch Software (CAT9K_IOSXE), Version 17.9.4a, "
    "RELEASE SOFTWARE (fc3)\r\nTechnical Support: http://www.cisco.com/techsupport",
    port=_cisco_access,
    oui=bytes.fromhex("00564f"),
)
CISCO_OLD: Final = Model(
    vendor="cisco",
    model="WS-C2960G-48TC-L",
    object_id=(1, 3, 6, 1, 4, 1, 9, 1, 697),
    description="Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 12.2(55)SE12, RELEASE SOFTWARE (fc2)",
    port=_cisco_fast,
    oui=bytes.fromhex("001dd8"),
)
ARISTA: Final = Model(
    vendor="arista",
    model="DCS-7050SX3-48YC8",
    object_id=(1, 3, 6, 1, 4, 1, 30065, 1, 3011, 7050, 3735, 48, 2654, 8),
    description="Arista Networks EOS version 4.31.2F running on an Arista Networks DCS-7050SX3-48YC8",
    port=_arista,
    oui=bytes.fromhex("fcbd67"),
)
JUNIPER: Final = Model(
    vendor="juniper",
    model="MX480",
    object_id=(1, 3, 6, 1, 4, 1, 2636, 1, 1, 1, 2, 25),
    description="Juniper Networks, Inc. mx480 internet router, kernel JUNOS 22.4R3-S2.9, Build date: 2024-02-21",
    port=_juniper,
    oui=bytes.fromhex("3c8ab0"),
)
NOKIA: Final = Model(
    vendor="nokia",
    model="7750 SR-7",
    object_id=(1, 3, 6, 1, 4, 1, 6527, 1, 3, 4),
    description="TiMOS-C-23.10.R2 cpm/hops64 Nokia 7750 SR Copyright (c) 2000-2023 Nokia.",
    port=_nokia,
    oui=bytes.fromhex("e8f375"),
)
HUAWEI: Final = Model(
    vendor="huawei",
    model="S5735-L48T4X-A",
    object_id=(1, 3, 6, 1, 4, 1, 2011, 2, 23, 721),
    description="S5735-L48T4X-A\r\nHuawei Versatile Routing Platform Software\r\nVRP (R) software,Version 5.170",
    port=_huawei,
    oui=bytes.fromhex("f4b78d"),
)
