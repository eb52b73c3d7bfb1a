"""The way to one device during one session."""

from dataclasses import dataclass, field
from typing import TypeAlias

from pollers.snmp.client import Stats
from pollers.snmp.limits import Limits
from pollers.snmp.trace import Trace

#: as recvfrom gives it: (host, port), or (host, port, flow, scope) for IPv6
Address: TypeAlias = tuple[str, int] | tuple[str, int, int, int]


@dataclass(slots=True)
class DeviceLink:
    endpoint: str  #: as configured, for people
    family: int
    address: Address
    stats: Stats
    opened_s: float
    ends_s: float
    trace: Trace | None = None
    limits: Limits = field(default_factory=Limits)  #: how gently this device is treated
    page_bytes: int = 0  #: for the trace
    last_sent_s: float = 0.0
    wrong_sources: set[str] = field(default_factory=set)
