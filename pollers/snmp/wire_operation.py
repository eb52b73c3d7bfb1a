"""One operation on one device while it is under way: its machine, its requests, its retries, its end."""

import asyncio
from typing import Final, Protocol

from pollers.snmp import ber, explain
from pollers.snmp.budget import RetryBudget, wait_s
from pollers.snmp.errors import AuthRefused, DamagedResponse, DeadlineExceeded, NoAnswer, RetriesSpent, SnmpError
from pollers.snmp.limits import Limits
from pollers.snmp.link import Link
from pollers.snmp.machine import Machine
from pollers.snmp.message import PDU_NAMES, Frame, Request, Resync
from pollers.snmp.trace import Exchanged

#: discovery, a clock that moved, an engine id that changed: more than this is no way to go on
_MOST_RESYNCS: Final = 4


class Exchange:
    """One request on its way."""

    __slots__ = ("attempt", "expires_s", "operation", "request", "request_id", "sent_bytes", "sent_s")

    def __init__(self, operation: "Operation", request: Request, request_id: bytes, attempt: int) -> None:
        self.operation = operation
        self.request = request
        self.request_id = request_id
        self.attempt = attempt
        self.sent_s = self.expires_s = 0.0
        self.sent_bytes = 0


class Carrier(Protocol):
    """What an operation needs of the transport."""

    limits: Limits
    retry_budget: RetryBudget

    def send(self, operation: "Operation", request: Request, now: float, attempt: int) -> None: ...

    def resend(self, exchange: Exchange, now: float) -> None: ...

    def count_damaged(self) -> None: ...

    def count_retry(self, *, allowed: bool) -> None: ...


class Operation:
    """Feeds a machine with a device's answers; `future` is done when it has finished or failed."""

    __slots__ = (
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

    def __init__(self, machine: Machine, link: Link, frame: Frame, carrier: Carrier, retries: int) -> None:
        self._machine = machine
        self._carrier = carrier
        self._retries = retries
        self._resyncs = 0
        self._width = 1  #: requests under way at a time: one until the device has answered
        self.link = link
        self.frame = frame
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.queued = False
        self.under_way: set[Exchange] = set()
        self.answers = 0

    def take(self, now: float) -> Request | None:
        """Return the next request, or None while there is none or the device has enough."""
        if len(self.under_way) >= self._width or self.future.done() or self.pause_s(now) > 0:
            return None
        return self._machine.next()

    def pause_s(self, now: float) -> float:
        """Return how long the device is to be left in peace."""
        gap_ms = self._carrier.limits.device_gap_ms
        return self.link.last_sent_s + gap_ms / 1000 - now if gap_ms else 0.0

    def expiry_s(self, now: float, attempt: int, swing: float) -> float:
        limits, ends_s = self._carrier.limits, self.link.ends_s
        expires_s = now + wait_s(limits.timeout_s, limits.backoff, attempt, swing)
        return min(ends_s, expires_s)

    def received(self, exchange: Exchange, data: bytes, now: float) -> None:
        """Take in a datagram that has the exchange's request id and comes from its device."""
        link = self.link
        stats = link.stats
        stats.packets_received += 1
        stats.bytes_received += len(data)
        try:
            answer = self.frame.answer(data, exchange.request_id, now)
            offset_ms = int((now - link.opened_s) * 1000)
            values = self._machine.answered(exchange.request, answer, offset_ms)
        except Resync as news:
            self._trace(exchange, now, f"resync: {news}", len(data))
            self._again_after_resync(exchange, now)
            return
        except DamagedResponse as error:
            self._carrier.count_damaged()
            self._trace(exchange, now, f"damaged: {error}", len(data))
            self._again_after_damage(exchange, now, error)
            return
        except SnmpError as error:
            self._trace(exchange, now, f"refused: {error}", len(data))
            self.fail(error)
            return
        self.under_way.discard(exchange)
        self.answers += 1
        self._width = self._carrier.limits.device_outstanding
        stats.values += values
        if link.trace is not None:
            self._trace(
                exchange, now, "ok" if not answer.status else f"error-status {answer.status}", len(data), values
            )
        if self._machine.finished:
            self.future.set_result(None)

    def timed_out(self, exchange: Exchange, now: float) -> None:
        """Send again what has had no answer, or give up."""
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
            self._send_again(exchange, smaller, now)

    def _again_after_damage(self, exchange: Exchange, now: float, error: DamagedResponse) -> None:
        if exchange.attempt >= self._retries:
            self.fail(DamagedResponse(explain.damaged(self.link.endpoint, str(error))))
        elif self._may_retry(exchange):
            self._send_again(exchange, self._machine.smaller(exchange.request), now)

    def _again_after_resync(self, exchange: Exchange, now: float) -> None:
        """Send again, at no one's cost: this is how v3 finds out with whom it speaks, and how late it is there."""
        self._resyncs += 1
        if self._resyncs > _MOST_RESYNCS:
            self.fail(AuthRefused(explain.no_sync(self.link.endpoint)))
            return
        self.under_way.discard(exchange)
        self._carrier.send(self, exchange.request, now, exchange.attempt)

    def _may_retry(self, exchange: Exchange) -> bool:
        """Return whether the worker's retries allow one more; the operation fails where they do not."""
        allowed = self._carrier.retry_budget.spend()
        self._carrier.count_retry(allowed=allowed)
        if allowed:
            self.link.stats.retries += 1
        else:
            self.under_way.discard(exchange)
            self.fail(RetriesSpent(explain.no_retries_left(self.link.endpoint)))
        return allowed

    def _send_again(self, exchange: Exchange, smaller: Request | None, now: float) -> None:
        exchange.attempt += 1
        if smaller is None:
            self._carrier.resend(exchange, now)
        else:
            self.under_way.discard(exchange)
            self._carrier.send(self, smaller, now, exchange.attempt)

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
