"""What plugins see of SNMP: a session with one device for the time of one poll."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pollers.snmp.values import Oid, SnmpTable, Value


class Device(NamedTuple):
    """Where a device is, and whose credentials it takes."""

    site: str
    device_id: str  #: resource_id; device credentials are kept by it
    endpoint: str  #: host, host:port or [v6]:port; port 161 where none is given


@dataclass(slots=True)
class Stats:
    """What a session has cost the device and us."""

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
        """Return one value per OID, in order; what the device lacks is a value of an exception type."""
        ...

    async def walk(self, columns: Sequence[Oid]) -> SnmpTable:
        """Return every row of the columns, read together, in the device's order of rows."""
        ...

    async def table(self, columns: Sequence[Oid]) -> SnmpTable:
        """Return the same as `walk`, asking for known rows directly where the row set has been learnt."""
        ...


class Access(Protocol):
    """Opens sessions: at most one per management address at a time; credentials, engine and limits are its business."""

    def open(self, device: Device, deadline_s: float) -> AbstractAsyncContextManager[Session]:
        """Wait for the device's turn, then give a session that ends (DeadlineExceeded) after deadline_s."""
        ...

    async def close(self) -> None: ...
