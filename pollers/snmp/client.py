"""The SNMP interface for plugins: a session with one device for the duration of one poll."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pollers.snmp.values import Oid, SnmpTable, Value


class Device(NamedTuple):
    """A device's address, and which credentials it takes."""

    site: str
    device_id: str  #: resource_id; device credentials are kept by it
    endpoint: str  #: host, host:port or [v6]:port; port 161 where none is given


@dataclass(slots=True)
class Stats:
    """The packets, bytes, retries and values of a session."""

    packets_sent: int = 0
    packets_received: int = 0
    bytes_received: int = 0
    retries: int = 0
    values: int = 0


class Session(Protocol):
    """One device, during one poll; every method raises an SnmpError (see pollers.snmp.errors) when the device fails."""

    stats: Stats

    @property
    def unreachable_since_ms(self) -> int | None:
        """Return since when the device has not answered, Unix milliseconds, or None."""
        ...

    async def get(self, oid: Oid) -> Value: ...

    async def get_many(self, oids: Sequence[Oid]) -> list[Value]:
        """Return a value for each OID, in order; a missing object has a value of an exception type."""
        ...

    async def following(self, oids: Sequence[Oid]) -> list[Oid | None]:
        """Return the device's next OID after each of these; None at the end of its MIB."""
        ...

    async def walk(self, columns: Sequence[Oid]) -> SnmpTable:
        """Walk the columns together, and return all rows in the device's order."""
        ...

    async def table(self, columns: Sequence[Oid]) -> SnmpTable:
        """Return the same as `walk`, but read known rows by GET."""
        ...


class Target(NamedTuple):
    """An address to probe for a device."""

    host: str  #: an IPv4 or IPv6 address in its shortest form
    port: int


class Found(NamedTuple):
    """A device that answered a probe, with its system group; what it left out is empty."""

    target: Target
    version: str  #: of SNMP: 1, 2c or 3
    sys_object_id: str
    sys_descr: str
    sys_name: str
    engine_id: str  #: in hex


class Probed(NamedTuple):
    """The results of some targets of a sweep, in their order."""

    found: Sequence[Found]
    asked: int  #: how many targets these are
    packets_sent: int  #: since the sweep began
    unsendable: int  #: packets that could not be sent, since the sweep began


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePace:
    """The rate limits of a sweep."""

    packets_per_s: float
    timeout_s: float = 1.0  #: who has not answered after it is asked again, or left
    rounds: int = 2  #: how often who is silent is asked
    ping: bool = False  #: only who answers an ICMP echo is asked, where echoes may be sent


class Access(Protocol):
    """Opens sessions: one at a time for each management address; credentials, engine and limits are chosen inside."""

    def open(self, device: Device, deadline_s: float) -> AbstractAsyncContextManager[Session]:
        """Wait for the device's turn, then give a session that ends (DeadlineExceeded) after deadline_s."""
        ...

    def probe(self, site: str, targets: Iterator[Target], pace: ProbePace) -> AsyncGenerator[Probed, None]:
        """Probe every target once with each credential of the site; yield the results block by block."""
        ...

    async def close(self) -> None: ...
