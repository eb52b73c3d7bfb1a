"""Delivers changelogs' records to Faust's recovery at less than half of Faust's cost.

For each record Faust makes four tasks, to be able to stop waiting for a full buffer. The buffer is hardly ever full: so
the delivery is begun without a task, and only one that really has to wait goes Faust's way.
"""

from collections.abc import Awaitable, Generator
from typing import Any, Final

import faust
from mode.services import WaitResults

_NOTHING: Final = WaitResults([], [], False)


class QuietMonitor(faust.Monitor):
    """Faust's monitor without its per-record work; the numbers measured here are in metrics.py."""

    def on_message_in(self, *_: Any) -> None:
        """Do nothing."""

    def on_message_out(self, *_: Any) -> None:
        """Do nothing."""

    def on_stream_event_in(self, *_: Any) -> None:
        """Do nothing."""

    def on_stream_event_out(self, *_: Any) -> None:
        """Do nothing."""

    def track_tp_end_offset(self, *_: Any) -> None:
        """Do nothing."""

    @faust.Service.task  # type: ignore[untyped-decorator]
    async def _sampler(self) -> None:
        """Do nothing, where Faust takes medians each second."""


class DirectDelivery:
    """A mixin for Faust's consumers that delivers records directly."""

    callback: Any  #: Faust's: takes one record to everybody who reads its topic

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._to_agents = self.callback
        self.callback = self._deliver

    async def wait_first(self, *awaited: Any, timeout: Any = None) -> WaitResults:  # noqa: ASYNC109 - as Faust has it
        """Return when the first of them is done, as Faust does; a record is delivered at once where possible."""
        if len(awaited) == 2 and getattr(awaited[0], "cr_code", None) is _DELIVERY:
            delivery, suspended = awaited
            try:
                waits_for = delivery.send(None)
            except StopIteration:
                suspended.close()
                return _NOTHING
            except BaseException:
                suspended.close()
                raise
            awaited = (_Begun(delivery, waits_for), suspended)
        result: WaitResults = await super().wait_first(*awaited, timeout=timeout)  # type: ignore[misc]
        return result

    async def _deliver(self, message: Any) -> None:
        await self._to_agents(message)


_DELIVERY: Final = DirectDelivery._deliver.__code__  # noqa: SLF001 - of this file


class _Begun(Awaitable[Any]):
    """The rest of a coroutine that has been begun and waits for something."""

    def __init__(self, coroutine: Any, waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        waits_for = self._waits_for
        while True:
            try:
                came = yield waits_for
            except BaseException as fault:  # noqa: BLE001 - also a cancellation: the coroutine decides
                step, given = self._coroutine.throw, fault
            else:
                step, given = self._coroutine.send, came
            try:
                waits_for = step(given)
            except StopIteration as end:
                return end.value
