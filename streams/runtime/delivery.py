"""Records from Kafka's client to the agents at less than half of what Faust spends on it.

For each record Faust makes four tasks, to be able to stop waiting for a full buffer. The buffer is hardly ever full: so
the delivery is begun without a task, and only one that really has to wait goes Faust's way.
"""

from collections.abc import Awaitable, Generator
from typing import Any, Final

from mode.services import WaitResults

_NOTHING: Final = WaitResults([], [], False)


class DirectDelivery:
    """For consumers of Faust: a mixin that stands before its class."""

    callback: Any  #: Faust's: takes one record to every agent that reads its topic

    async def wait_first(self, *awaited: Any, timeout: Any = None) -> WaitResults:  # noqa: ASYNC109 - as Faust has it
        """Return when the first of them is done, as Faust's own; a record's delivery is tried at once."""
        if len(awaited) == 2 and getattr(awaited[0], "cr_code", None) is self.callback.__code__:
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
