"""The native transport: all devices share one socket, answers are matched by request id, one timer finds timeouts."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Final

from pollers.snmp.codec.message import REQUEST_ID_BYTES, request_id_at
from pollers.snmp.device import explain
from pollers.snmp.device.link import Address, DeviceLink
from pollers.snmp.errors import NoAnswer
from pollers.snmp.limits import Limits
from pollers.snmp.wire.operation import Exchange, Operation
from pollers.snmp.wire.permits import Permits, WireCounters
from pollers.snmp.wire.sockets import Sockets

__all__ = ("Wire", "WireCounters")

_SWEEP_S: Final = 0.05
_FULL_BUFFER_S: Final = 0.002  #: until the kernel's send buffer is tried again
_SWEEPS_PER_QUEUE_LOOK: Final = 20


class Wire:
    """Sends the requests of operations within the worker's limits, and hands each answer to its operation."""

    def __init__(self, limits: Limits, random: Random, now_s: Callable[[], float] = time.monotonic) -> None:
        self.permits = Permits(limits, random, now_s)
        self.counters = self.permits.counters
        self.limits = limits
        self._random = random
        self._now_s = now_s
        self._sockets = Sockets(self._received, limits.receive_buffer_bytes)
        self._pending: dict[bytes, Exchange] = {}
        self._ready: deque[Operation] = deque()  #: may have something to send
        self._sweeper: asyncio.TimerHandle | None = None
        self._pumper: asyncio.TimerHandle | None = None
        self._sweeps = 0

    @property
    def outstanding(self) -> int:
        """Return the number of requests in flight."""
        return len(self._pending)

    @property
    def waiting(self) -> int:
        """Return the number of operations that wait for a free slot."""
        return len(self._ready)

    @property
    def sockets(self) -> Sockets:
        return self._sockets

    async def run(self, operation: Operation) -> None:
        """Run an operation to its end. Raises SnmpError; the requests of a cancelled one are forgotten."""
        self._queue(operation)
        self._pump()
        self._sweep_later()
        try:
            await operation.future
        finally:
            self._withdraw(operation)

    def _withdraw(self, operation: Operation) -> None:
        for exchange in operation.under_way:
            self._pending.pop(exchange.request_id, None)
        operation.under_way.clear()
        if self._ready:
            self._pump()

    def _queue(self, operation: Operation) -> None:
        if not operation.queued:
            operation.queued = True
            self._ready.append(operation)

    def _pump(self) -> None:
        """Send what is ready, retries too, one packet an operation in turn, until a limit is reached."""
        ready, pending, most, rate = self._ready, self._pending, self.limits.outstanding, self.permits.rate
        now = self._now_s()
        while ready and len(pending) < most:
            if not rate.ready(now):
                self._pump_later(rate.wait_s())
                return
            operation = ready.popleft()
            exchange = operation.take(now)
            if exchange is None:
                operation.queued = False
                if not operation.future.done() and (pause_s := operation.pause_s(now)) > 0:
                    asyncio.get_running_loop().call_later(pause_s, self._wake, operation)
                continue
            ready.append(operation)
            rate.spend()
            self._send(exchange, now)

    def _pump_later(self, after_s: float) -> None:
        if self._pumper is None:
            self._pumper = asyncio.get_running_loop().call_later(after_s, self._pump_now)

    def _pump_now(self) -> None:
        self._pumper = None
        self._pump()

    def _wake(self, operation: Operation) -> None:
        self._queue(operation)
        self._pump()
        self._sweep_later()

    def _send(self, exchange: Exchange, now: float) -> None:
        """Send a request, under the id that it has or one of its own; it ends with an answer or in the sweep."""
        operation, request, pending = exchange.operation, exchange.request, self._pending
        while not exchange.request_id or exchange.request_id in pending:
            exchange.request_id = (0x40000000 | self._random.getrandbits(30)).to_bytes(REQUEST_ID_BYTES)
        link = operation.link
        pending[exchange.request_id] = exchange
        exchange.sent_s = link.last_sent_s = now
        exchange.expires_s = operation.expiry_s(now, exchange.attempt)
        data = operation.frame.message(request, exchange.request_id, now)
        exchange.sent_bytes = len(data)
        try:
            self._sockets.sender(link.family)(data, link.address)
        except BlockingIOError:  # the kernel's send buffer is full
            asyncio.get_running_loop().call_later(_FULL_BUFFER_S, self._send_when_possible, exchange)
        except OSError as error:
            self.counters.send_errors += 1
            operation.fail(NoAnswer(explain.cannot_send(link.endpoint, error)))
        else:
            self.counters.packets_sent += 1
            link.stats.packets_sent += 1

    def _send_when_possible(self, exchange: Exchange) -> None:
        if self._pending.get(exchange.request_id) is exchange:
            del self._pending[exchange.request_id]
            self._send(exchange, self._now_s())

    def _received(self, data: bytes, address: Address, waited_s: float) -> None:
        counters = self.counters
        counters.packets_received += 1
        counters.bytes_received += len(data)
        at = request_id_at(data)
        exchange = self._pending.get(data[at : at + REQUEST_ID_BYTES]) if at > 0 else None
        if exchange is None:
            counters.unknown_request_id += 1
            return
        operation = exchange.operation
        link = operation.link
        if address != link.address and not _may_come_from(address, link):
            counters.wrong_source += 1
            link.wrong_sources.add(address[0])
            return
        if not operation.frame.is_ours(data):
            counters.wrong_community += 1
            return
        del self._pending[exchange.request_id]
        operation.received(exchange, data, self._now_s() - waited_s)
        if not operation.queued and not operation.future.done():
            operation.queued = True
            self._ready.append(operation)
        if self._ready:
            self._pump()

    def _sweep_later(self) -> None:
        if self._sweeper is None and (self._pending or self._ready):
            self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        """Time out what is overdue; runs as long as anything is under way or waiting."""
        self._sweeper = None
        self._sweeps += 1
        now = self._now_s()
        for exchange in [e for e in self._pending.values() if e.expires_s <= now]:
            if self._pending.pop(exchange.request_id, None) is not None:
                self.counters.timeouts += 1
                exchange.operation.timed_out(exchange, now)
                self._queue(exchange.operation)
        if self._sweeps % _SWEEPS_PER_QUEUE_LOOK == 0:
            for operation in self._ready:
                if operation.link.ends_s <= now:
                    operation.out_of_time()
        self._pump()
        self._sweep_later()

    def close(self) -> None:
        """Stop at once; running operations are cancelled."""
        for timer in (self._sweeper, self._pumper):
            if timer is not None:
                timer.cancel()
        for operation in {e.operation for e in self._pending.values()} | set(self._ready):
            operation.future.cancel()
        self._pending.clear()
        self._ready.clear()
        self._sockets.close()


def _may_come_from(address: Address, link: DeviceLink) -> bool:
    return link.limits.any_source and address[1] == link.address[1]
