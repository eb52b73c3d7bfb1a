"""Hands spans to an OpenTelemetry collector (OTLP over HTTP, JSON). What it cannot hand on is dropped and counted.

Off by default, and nothing waits for it: a worker's own work is never slower for a collector that is slow or away.
"""

import asyncio
import logging
from collections import deque
from functools import lru_cache
from typing import Final

import httpx

from streams.runtime.ops.metrics import Metrics
from streams.runtime.ops.waiting import LINE_EVERY_S
from streams.runtime.settings.sections import TracingSettings
from streams.runtime.settings.tls import TlsFiles, client_context
from streams.runtime.tracing.spans import TraceSpan, is_chosen, request

log = logging.getLogger(__name__)

#: spans that wait; older ones are dropped
MOST_WAITING: Final = 10_000
AT_ONCE: Final = 1_000
EVERY_S: Final = 2.0
_TIMEOUT_S: Final = 10.0


class Traces:
    """The spans of one worker, on their way."""

    def __init__(self, settings: TracingSettings, stage: str, worker: str) -> None:
        self.on: Final = bool(settings.url) and settings.share > 0
        self.exported = 0
        self.dropped = 0
        self._settings = settings
        self._service = f"panoptes-{stage}"
        self._worker = worker
        self._waiting: deque[TraceSpan] = deque()
        self._next_line_s = float("-inf")
        self._client: httpx.AsyncClient | None = None
        self._chosen = lru_cache(100_000)(lambda key: is_chosen(key, settings.share))

    def follows(self, key: bytes) -> bool:
        """Return whether the slots of a resource, by its identity, are traced."""
        return self.on and self._chosen(key)

    def add(self, span: TraceSpan) -> None:
        """Take a span, to be handed on soon."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(span)

    def measure(self, metrics: Metrics) -> None:
        """Add its numbers, where it is on."""
        if self.on:
            metrics.counter("spans", "spans of traces that a collector took", lambda: self.exported)
            metrics.counter("spans_dropped", "spans that none took in time", lambda: self.dropped)

    async def run(self) -> None:
        """Hand on what has come, again and again."""
        while True:
            await asyncio.sleep(EVERY_S)
            while self._waiting:
                await self._send()

    async def close(self) -> None:
        """Hand on what is left, once, and end the connection."""
        if self._waiting:
            await self._send()
        if self._client is not None:
            await self._client.aclose()

    async def _send(self) -> None:
        spans = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        try:
            if self._client is None:
                self._client = await asyncio.to_thread(self._open)
            answer = await self._client.post(
                f"{self._settings.url}/v1/traces", json=request(self._service, self._worker, spans)
            )
            answer.raise_for_status()
        except (httpx.HTTPError, OSError) as problem:
            self.dropped += len(spans)
            now_s = asyncio.get_running_loop().time()
            if now_s >= self._next_line_s:
                self._next_line_s = now_s + LINE_EVERY_S
                why = str(problem).partition("\n")[0] or type(problem).__name__
                log.warning("spans are dropped, no collector takes them at=%s problem=%s", self._settings.url, why)
        else:
            self.exported += len(spans)

    def _open(self) -> httpx.AsyncClient:
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request at INFO
        settings, token = self._settings, self._settings.token.reveal()
        is_tls = settings.url.startswith("https:")
        return httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=_TIMEOUT_S,
            verify=client_context(TlsFiles(settings.ssl_ca_file)) if is_tls else False,
            trust_env=False,
        )
