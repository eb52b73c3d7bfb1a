"""Server-sent events: notifies a bounded number of listeners of changes, at most once a second."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from streams.console.api.routing import as_json
from streams.console.models import ReadModels

MOST: Final = 1_000  #: listeners
EVERY_S: Final = 1.0
STILL_THERE_S: Final = 15.0


class Events:
    """The listeners."""

    def __init__(self, models: ReadModels) -> None:
        self._models: Final = models
        self.listeners = 0

    async def stream(self, _request: Request) -> Response:
        """Return a stream of change events, or a refusal where there are too many listeners."""
        if self.listeners >= MOST:
            return as_json({"error": f"expected at most {MOST} listeners"}, 503)
        return StreamingResponse(self._told(), media_type="text/event-stream")

    async def _told(self) -> AsyncIterator[str]:
        self.listeners += 1
        try:
            told, quiet_s = "", 0.0
            while True:
                stale = [each.name for each in self._models.topics() if each.stale_since_ms is not None]
                now = json.dumps({"changes": self._models.changes, "stale": stale})
                quiet_s += EVERY_S
                if now != told:
                    told, quiet_s = now, 0.0
                    yield f"event: changed\ndata: {now}\n\n"
                elif quiet_s >= STILL_THERE_S:
                    quiet_s = 0.0
                    yield ": still there\n\n"
                await asyncio.sleep(EVERY_S)
        finally:
            self.listeners -= 1
