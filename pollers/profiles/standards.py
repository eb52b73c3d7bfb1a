"""Probes which standard MIBs a device has at first contact, so that no vendor's profile hides them."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from pollers.snmp.client import Session
from pollers.snmp.values import Oid


class Standard(NamedTuple):
    """A standard MIB, and the subtree whose presence shows it."""

    mib: str  #: as people know it
    root: Oid
    profile: str | None  #: the library's profile that reads it; None = only told


STANDARDS: Final = (
    Standard("IF-MIB", "1.3.6.1.2.1.2.2.1", "if-mib"),
    Standard("IP-MIB", "1.3.6.1.2.1.4", "ip-mib"),
    Standard("TCP-MIB", "1.3.6.1.2.1.6", "tcp-mib"),
    Standard("UDP-MIB", "1.3.6.1.2.1.7", "udp-mib"),
    Standard("EtherLike-MIB", "1.3.6.1.2.1.10.7.2.1", "etherlike-mib"),
    Standard("OSPF-MIB", "1.3.6.1.2.1.14.2.1", "ospf-mib"),  # areas: ospfGeneralGroup is there without OSPF too
    Standard("BGP4-MIB", "1.3.6.1.2.1.15.3.1", "bgp4-mib"),
    Standard("HOST-RESOURCES-MIB", "1.3.6.1.2.1.25", "host-resources"),
    Standard("UPS-MIB", "1.3.6.1.2.1.33.1", "ups-mib"),
    Standard("Printer-MIB", "1.3.6.1.2.1.43", "printer-mib"),
    Standard("ENTITY-MIB", "1.3.6.1.2.1.47.1.1.1.1", None),  # names for others to join
    Standard("ENTITY-SENSOR-MIB", "1.3.6.1.2.1.99.1.1.1", "entity-sensor-mib"),
    Standard("POWER-ETHERNET-MIB", "1.3.6.1.2.1.105.1", "power-ethernet-mib"),
    Standard("UCD-SNMP-MIB", "1.3.6.1.4.1.2021", "ucd-snmp"),
    # what many makes share, or what a device whose sysObjectID is Net-SNMP's is known by: of a group that several have,
    # the later counts before the earlier
    Standard("OLD-CISCO-CPU-MIB", "1.3.6.1.4.1.9.2.1.56", "old-cisco-cpu"),
    Standard("CISCO-PROCESS-MIB", "1.3.6.1.4.1.9.9.109.1", "cisco-memory"),
    Standard("CISCO-MEMORY-POOL-MIB", "1.3.6.1.4.1.9.9.48.1", "cisco-memory"),
    Standard("RADLAN-rndMng", "1.3.6.1.4.1.89.1", "radlan"),
    Standard("FROGFOOT-RESOURCES-MIB", "1.3.6.1.4.1.10002.1.1.1", "frogfoot"),
    Standard("SUPERMICRO-HEALTH-MIB", "1.3.6.1.4.1.10876.2.1", "supermicro-health"),
    Standard("SYNOLOGY-SYSTEM-MIB", "1.3.6.1.4.1.6574.1", "synology"),
    Standard("NAS-MIB", "1.3.6.1.4.1.24681.1.2", "qnap"),
    Standard("CHECKPOINT-MIB", "1.3.6.1.4.1.2620.1.6.7", "checkpoint"),
    Standard("EXCELIANCE-MIB", "1.3.6.1.4.1.23263.4.2.1.3", "haproxy-aloha"),
    Standard("LLDP-MIB", "1.0.8802.1.1.2", None),
)


async def standards_of(session: Session) -> tuple[str, ...]:
    """Return the standard MIBs that the device has, by one GETNEXT where it can answer that. Raises SnmpError."""
    following = await session.following([standard.root for standard in STANDARDS])
    pairs = zip(STANDARDS, following, strict=True)
    return tuple(one.mib for one, oid in pairs if oid is not None and oid.startswith(f"{one.root}."))


def profiles_of(mibs: Collection[str]) -> tuple[str, ...]:
    """Return the library's profiles that read these MIBs."""
    return tuple(dict.fromkeys(one.profile for one in STANDARDS if one.mib in mibs and one.profile is not None))


def written(mibs: Sequence[str]) -> str:
    """Format the MIBs as the text of an enrichment's fact."""
    return " ".join(mibs)


def read(text: str | None) -> tuple[str, ...]:
    """Parse the MIBs from the text of a fact."""
    return tuple((text or "").split())
