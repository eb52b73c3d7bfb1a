"""Opens sessions with devices, one at a time for each management address."""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from random import Random
from types import TracebackType
from typing import Final, NamedTuple, cast

from pollers.snmp.client import Device, Probed, ProbePace, Session, Stats, Target
from pollers.snmp.credentials import CredentialSource
from pollers.snmp.device import explain
from pollers.snmp.device.channel import Shared
from pollers.snmp.device.link import Address, DeviceLink
from pollers.snmp.device.memory import DeviceMemory, Devices, split_endpoint
from pollers.snmp.errors import NoAnswer
from pollers.snmp.limits import Limits
from pollers.snmp.trace import Trace
from pollers.snmp.wire.clock import Clock, SystemClock
from pollers.snmp.wire.echo import Echo
from pollers.snmp.wire.engines import WorkerEngines
from pollers.snmp.wire.permits import WireCounters
from pollers.snmp.wire.prober import probe
from pollers.snmp.wire.session import DeviceSession, SessionShared, probe_slots
from pollers.snmp.wire.transport import Wire
from pollers.snmp.wire.turns import Turns

log = logging.getLogger(__name__)

_RESOLVED_FOR_S: Final = 300.0
_KNOWN_FOR_S: Final = 60.0  #: more, where the name cannot be looked up again
_LOOK_AGAIN_S: Final = 1.0  #: the longest wait for a look-up that only makes sure of an address


class Figures(NamedTuple):
    """Counters of a worker's SNMP, for metrics."""

    outstanding: int  #: requests under way
    waiting: int  #: operations that wait for room
    devices: int  #: remembered
    silent_devices: int
    rewalks: int
    kernel_drops: int  #: datagrams lost because the receive buffer was full
    receive_errors: int  #: of sockets, such as refusals by ICMP
    receive_buffer_bytes: int  #: granted by the kernel
    counters: WireCounters


class SnmpAccess:
    """The `Access` of a worker. To be closed in the loop that it was used in."""

    def __init__(self, worker: SessionShared, engines: WorkerEngines, devices: Devices, trace: Trace | None) -> None:
        self.engines = engines
        self.devices = devices
        self._worker = worker
        self._trace = trace
        self._turns = Turns()
        self._said: set[str] = set()

    def open(self, device: Device, deadline_s: float) -> AbstractAsyncContextManager[Session]:
        """Wait for the device's turn, then give a session that ends after deadline_s.

        Raises NoAnswer for a name that cannot be resolved, ValueError for an endpoint that is none.
        """
        return _Opening(self, device, deadline_s)

    async def begin(self, device: Device, deadline_s: float) -> tuple[Session, Address]:
        """Wait for the device's turn, and return the session with the address to release by `end`."""
        now_s = self._worker.now_s
        began = now_s()
        memory = self.devices.recall(device, began)
        family, address = await self._resolve(device, memory, deadline_s)
        left_s = deadline_s - (now_s() - began)
        await self._turns.take(address)
        opened = now_s()
        link = DeviceLink(
            device.endpoint, family, address, Stats(), opened, opened + left_s, self._trace, memory.limits
        )
        return DeviceSession(self._worker, device, memory, link), address

    def probe(self, site: str, targets: Iterator[Target], pace: ProbePace) -> AsyncGenerator[Probed, None]:
        """Probe every target once with each credential of the site; yield the results block by block."""
        return probe(self._worker.credentials, site, targets, pace, Echo(self._say_once))

    def _say_once(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            log.warning("%s", line)

    def end(self, address: Address) -> None:
        """Release the address for the next session."""
        self._turns.give(address)

    async def _resolve(self, device: Device, memory: DeviceMemory, deadline_s: float) -> tuple[int, Address]:
        """Return family and socket address, as `recvfrom` will give it; the last known where DNS is away.

        Raises NoAnswer, ValueError for an endpoint that is none.
        """
        now, known = self._worker.now_s(), memory.address
        if known is not None and now - memory.resolved_s < _RESOLVED_FOR_S:
            return known
        host, port = split_endpoint(device.endpoint)
        numeric = _numeric(host)
        if isinstance(numeric, ipaddress.IPv4Address):
            memory.address, memory.resolved_s = (socket.AF_INET, (host, port)), float("inf")
            return memory.address
        wait_s = deadline_s if known is None else min(deadline_s, _LOOK_AGAIN_S)
        try:
            memory.address = await _looked_up(host, port, wait_s, numeric=numeric is not None)
            memory.resolved_s = now
        except OSError as error:
            if known is None:
                raise NoAnswer(explain.cannot_resolve(device.endpoint, error)) from None
            memory.resolved_s = now - _RESOLVED_FOR_S + _KNOWN_FOR_S
            return known
        return memory.address

    def figures(self) -> Figures:
        wire = self.engines.wire
        return Figures(
            wire.outstanding,
            wire.waiting,
            len(self.devices),
            self.devices.silent,
            self.engines.shared.rewalks,
            wire.sockets.dropped,
            wire.sockets.receive_errors,
            wire.sockets.receive_buffer_bytes(),
            wire.counters,
        )

    async def close(self) -> None:
        await self.engines.close()


class _Opening(AbstractAsyncContextManager[Session]):
    """A session that is about to be; `contextlib` would take an async generator, and three times as long for it."""

    def __init__(self, access: SnmpAccess, device: Device, deadline_s: float) -> None:
        self._access = access
        self._device = device
        self._deadline_s = deadline_s
        self._address: Address | None = None

    async def __aenter__(self) -> Session:
        session, self._address = await self._access.begin(self._device, self._deadline_s)
        return session

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._address is not None:
            self._access.end(self._address)


def _numeric(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


async def _looked_up(host: str, port: int, wait_s: float, *, numeric: bool) -> tuple[int, Address]:
    """Return the first address. Raises OSError, TimeoutError among them; the thread that asks DNS outlives that."""
    flags = socket.AI_NUMERICHOST if numeric else 0
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(wait_s):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=flags)
    except TimeoutError:
        raise TimeoutError("DNS did not answer in time") from None
    family, _, _, _, where = found[0]
    return family, cast("Address", where)  # the other shapes are of machines without IPv6


def open_access(
    limits: Limits,
    credentials: CredentialSource,
    *,
    clock: Clock | None = None,
    random: Random | None = None,
    trace: Trace | None = None,
    limits_of: Callable[[Device], Limits] | None = None,
) -> SnmpAccess:
    """Create the SNMP access of a worker; to be created, used and closed in one event loop.

    `trace` gets one record per request, when its answer came or was given up. `limits_of` says how gently a device is
    treated that is not treated as the others are; the limits of the worker are those of `limits` only.
    """
    clock, random = clock or SystemClock(), random or Random()  # noqa: S311 - for request ids and jitter, beside a check of the source
    shared = Shared(limits, clock.now_s)
    engines = WorkerEngines(Wire(limits, random, clock.now_s), shared, random.getrandbits)
    worker = SessionShared(limits, credentials, engines, probe_slots(limits), clock.now_s, clock.now_ms)
    return SnmpAccess(worker, engines, Devices(limits, limits_of), trace)
