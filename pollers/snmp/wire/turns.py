"""Queues sessions so that a management address has one at a time, in order of arrival."""

import asyncio
from collections import deque
from collections.abc import Hashable


class Turns:
    """A lock for each management address; unused addresses take no memory."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    async def take(self, address: Hashable) -> None:
        """Wait until the address is free, and lock it."""
        queue = self._waiting.get(address)
        if queue is None:
            self._waiting[address] = deque()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(address)  # the turn came together with the cancellation
            raise

    def give(self, address: Hashable) -> None:
        """Unlock the address for the next session."""
        queue = self._waiting[address]
        while queue:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._waiting[address]

    def __len__(self) -> int:
        """Return how many addresses are held."""
        return len(self._waiting)
