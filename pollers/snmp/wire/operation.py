"""One operation on one device in progress: its machine, requests and retries."""

import asyncio
from collections import deque
from typing import Final, Protocol

from pollers.snmp.codec import ber
from pollers.snmp.codec.message import PDU_NAMES, Frame, Request, Resync
from pollers.snmp.device import explain
from pollers.snmp.device.link import DeviceLink
from pollers.snmp.errors import AuthRefused, DamagedResponse, DeadlineExceeded, NoAnswer, RetriesSpent, SnmpError
from pollers.snmp.tables.machine import Machine
from pollers.snmp.trace import Exchanged
from pollers.snmp.wire.permits import Permits

#: discovery, a clock that moved, an engine id that changed: more than this is no way to go on
_MOST_RESYNCS: Final = 4


class Exchange:
    """One request in flight."""

    __slots__ = ("attempt", "expires_s", "operation", "request", "request_id", "sent_bytes", "sent_s")

    def __init__(self, operation: "Operation", request: Request, attempt: int) -> None:
        self.operation = operation
        self.request = request
        self.request_id = b""  #: until it is sent
        self.attempt = attempt
        self.sent_s = self.expires_s = 0.0
        self.sent_bytes = 0


class Carrier(Protocol):
    """The interface of the transport for operations."""

    permits: Permits


class Operation:
    """Passes a device's answers to a machine; `future` is done when the operation has finished or failed."""

    __slots__ = (
        "_again",
        "_carrier",
        "_machine",
        "_resyncs",
        "_retries",
        "_width",
        "answers",
        "frame",
        "future",
        "link",
        "queued",
        "under_way",
    )

    def __init__(self, machine: Machine, link: DeviceLink, frame: Frame, carrier: Carrier, retries: int) -> None:
        self._machine = machine
        self._carrier = carrier
        self._retries = retries
        self._resyncs = 0
        self._again: deque[Exchange] = deque()  #: to be sent once more
        self._width = 1  #: requests under way at a time: one until the device has answered
        self.link = link
        self.frame = frame
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.queued = False
        self.under_way: set[Exchange] = set()
        self.answers = 0

    def take(self, now: float) -> Exchange | None:
        """Return the next request, or None while there is none or the device has enough in flight."""
        if self.future.done() or (self.link.limits.device_gap_ms and self.pause_s(now) > 0):
            return None
        if self._again:
            return self._again.popleft()
        if len(self.under_way) >= self._width or (request := self._machine.next()) is None:
            return None
        self._carrier.permits.earn()
        exchange = Exchange(self, request, 0)
        self.under_way.add(exchange)
        return exchange

    def pause_s(self, now: float) -> float:
        """Return how long to wait before the device's next packet."""
        return self._carrier.permits.pause_s(self.link, now)

    def expiry_s(self, now: float, attempt: int) -> float:
        return min(self.link.ends_s, now + self._carrier.permits.wait_s(self.link, attempt))

    def received(self, exchange: Exchange, data: bytes, now: float) -> None:
        """Take a datagram with the exchange's request id from its device."""
        link = self.link
        stats = link.stats
        stats.packets_received += 1
        stats.bytes_received += len(data)
        if self.future.done():  # by what came just before, in the same drain
            return
        try:
            answer = self.frame.answer(data, exchange.request_id, now)
            offset_ms = int((now - link.opened_s) * 1000)
            values = self._machine.answered(exchange.request, answer, offset_ms)
        except Resync as news:
            self._trace(exchange, now, f"resync: {news}", len(data))
            self._again_after_resync(exchange)
            return
        except DamagedResponse as error:
            self._carrier.permits.counters.damaged += 1
            self._trace(exchange, now, f"damaged: {error}", len(data))
            self._again_after_damage(exchange, error)
            return
        except SnmpError as error:
            self._trace(exchange, now, f"refused: {error}", len(data))
            self.fail(error)
            return
        self.under_way.discard(exchange)
        self.answers += 1
        self._width = link.limits.device_outstanding
        stats.values += values
        if link.trace is not None:
            self._trace(
                exchange, now, "ok" if not answer.status else f"error-status {answer.status}", len(data), values
            )
        if self._machine.finished:
            self.future.set_result(None)

    def timed_out(self, exchange: Exchange, now: float) -> None:
        """Send unanswered requests again, or give up."""
        if self.future.done():
            return
        link = self.link
        self._trace(exchange, now, "timeout")
        if now >= link.ends_s:
            self.out_of_time()
        elif exchange.attempt >= self._retries:
            tries = exchange.attempt + 1
            if self._resyncs and not self.frame.fits:
                self.fail(AuthRefused(explain.silent_to_user(link.endpoint)))
            else:
                self.fail(NoAnswer(explain.no_answer(link.endpoint, tries, wrong_sources=link.wrong_sources)))
        elif self._may_retry(exchange):
            # a second silence may mean that the response is too long for the way
            smaller = self._machine.smaller(exchange.request) if exchange.attempt else None
            self._send_again(exchange, smaller)

    def _again_after_damage(self, exchange: Exchange, error: DamagedResponse) -> None:
        if exchange.attempt >= self._retries:
            self.fail(DamagedResponse(explain.damaged(self.link.endpoint, str(error))))
        elif self._may_retry(exchange):
            self._send_again(exchange, self._machine.smaller(exchange.request))

    def _again_after_resync(self, exchange: Exchange) -> None:
        """Send again, at no one's cost: this is how v3 finds out with whom it speaks, and how late it is there."""
        self._resyncs += 1
        if self._resyncs > _MOST_RESYNCS:
            self.fail(AuthRefused(explain.no_sync(self.link.endpoint)))
            return
        self._replace(exchange, exchange.request)

    def _may_retry(self, exchange: Exchange) -> bool:
        """Return whether the worker's retries allow one more; the operation fails where they do not."""
        allowed = self._carrier.permits.retry(self.link)
        if not allowed:
            self.under_way.discard(exchange)
            self.fail(RetriesSpent(explain.no_retries_left(self.link.endpoint)))
        return allowed

    def _send_again(self, exchange: Exchange, smaller: Request | None) -> None:
        """Queue the same request under the same id, so that an answer to any of its tries will do, or a smaller one."""
        exchange.attempt += 1
        if smaller is None:
            self._again.append(exchange)
        else:
            self._replace(exchange, smaller)

    def _replace(self, exchange: Exchange, request: Request) -> None:
        """Queue a request under an id of its own in the exchange's place."""
        self.under_way.discard(exchange)
        instead = Exchange(self, request, exchange.attempt)
        self.under_way.add(instead)
        self._again.append(instead)

    def out_of_time(self) -> None:
        self.fail(DeadlineExceeded(explain.deadline(self.link.endpoint, self.answers)))

    def fail(self, error: SnmpError) -> None:
        if not self.future.done():
            self.future.set_exception(error)

    def _trace(self, exchange: Exchange, now: float, outcome: str, size: int = 0, values: int = 0) -> None:
        link = self.link
        if link.trace is None:
            return
        request = exchange.request
        link.trace(
            Exchanged(
                link.endpoint,
                "native",
                PDU_NAMES[request.pdu],
                ber.decode_oid(request.names[0]),
                len(request.names),
                request.repetitions,
                exchange.sent_bytes,
                size,
                values,
                (now - exchange.sent_s) * 1000,
                exchange.attempt,
                link.page_bytes,
                outcome,
            )
        )
