"""Access: sessions with devices, one at a time per management address."""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Final, NamedTuple, cast

from pollers.snmp import explain
from pollers.snmp.client import Device, Session, Stats
from pollers.snmp.devices import Devices, Memory, split_endpoint
from pollers.snmp.errors import NoAnswer
from pollers.snmp.link import Address, Link
from pollers.snmp.trace import Trace
from pollers.snmp.wire_engines import WorkerEngines
from pollers.snmp.wire_permits import Counters
from pollers.snmp.wire_session import DeviceSession, Worker
from pollers.snmp.wire_turns import Turns

_RESOLVED_FOR_S: Final = 300.0


class Figures(NamedTuple):
    """What the SNMP of a worker is doing, and has done; for metrics."""

    outstanding: int  #: requests under way
    waiting: int  #: operations that wait for room
    devices: int  #: remembered
    silent_devices: int
    rewalks: int
    kernel_drops: int  #: datagrams lost because the receive buffer was full
    receive_buffer_bytes: int  #: granted by the kernel
    counters: Counters


class SnmpAccess:
    """The `Access` of a worker. To be closed in the loop that it was used in."""

    def __init__(self, worker: Worker, engines: WorkerEngines, trace: Trace | None = None) -> None:
        self.engines = engines
        self.devices = Devices(worker.limits)
        self._worker = worker
        self._trace = trace
        self._turns = Turns()

    def open(self, device: Device, deadline_s: float) -> AbstractAsyncContextManager[Session]:
        """Wait for the device's turn, then give a session that ends after deadline_s.

        Raises NoAnswer for a name that cannot be resolved, ValueError for an endpoint that is none.
        """
        return self._session(device, deadline_s)

    @contextlib.asynccontextmanager
    async def _session(self, device: Device, deadline_s: float) -> AsyncIterator[Session]:
        now_s = self._worker.now_s
        memory = self.devices.recall(device, now_s())
        family, address = await self._resolve(device, memory)
        await self._turns.take(address)
        try:
            opened = now_s()
            link = Link(device.endpoint, family, address, Stats(), opened, opened + deadline_s, self._trace)
            yield DeviceSession(self._worker, device, memory, link)
        finally:
            self._turns.give(address)

    async def _resolve(self, device: Device, memory: Memory) -> tuple[int, Address]:
        """Return family and socket address, as `recvfrom` will give it."""
        now = self._worker.now_s()
        if memory.address is not None and now - memory.resolved_s < _RESOLVED_FOR_S:
            return memory.address
        host, port = split_endpoint(device.endpoint)
        try:
            numeric = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            numeric = None
        if isinstance(numeric, ipaddress.IPv4Address):
            memory.address, memory.resolved_s = (socket.AF_INET, (host, port)), float("inf")
            return memory.address
        flags = socket.AI_NUMERICHOST if numeric is not None else 0
        try:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=flags)
        except OSError as error:
            raise NoAnswer(explain.cannot_resolve(device.endpoint, error)) from None
        family, _, _, _, where = found[0]
        address = cast("Address", where)  # the other shapes are of machines without IPv6
        memory.address, memory.resolved_s = (family, address), now
        return family, address

    def figures(self) -> Figures:
        wire = self.engines.wire
        return Figures(
            wire.outstanding,
            wire.waiting,
            len(self.devices),
            self.devices.silent,
            self.engines.shared.rewalks,
            wire.sockets.dropped,
            wire.sockets.receive_buffer_bytes(),
            wire.counters,
        )

    async def close(self) -> None:
        await self.engines.close()
