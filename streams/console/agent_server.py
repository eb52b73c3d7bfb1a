"""The console's web server: builds the models, fills them and serves requests."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib import metadata
from typing import Final, Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams.console.access.agent_guard import Door, Guard
from streams.console.agent_broker import Broker
from streams.console.agent_events import Events
from streams.console.agent_feed import feeds
from streams.console.api.lookups import Sources
from streams.console.api.routing import as_json, routes
from streams.console.history.agent_store import StoreAddress, StoreHistory
from streams.console.history.memory import MemoryHistory
from streams.console.models import ReadModels
from streams.console.pages import routes as page_routes
from streams.console.pages.reads import History
from streams.console.why.agent_samples import Samples
from streams.gauges.rules import rules_of
from streams.runtime.ops.metrics import CONTENT_TYPE, Metrics
from streams.runtime.settings.loading import Settings
from streams.runtime.settings.sections import ConsoleSettings

log = logging.getLogger(__name__)

_GC_EVERY: Final = 50_000  #: objects made since the last look

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class Following(Protocol):
    """Fills the models for as long as the application runs."""

    async def run(self) -> None: ...


def application(
    sources: Sources,
    fill: Callable[[], Sequence[Following]],
    more: Sequence[BaseRoute] = (),
    door: Door | None = None,
) -> Starlette:
    """Return the web application; `fill` gives the feeds that run with it, `more` the pages' routes.

    Without a door everybody is let in.
    """
    models = sources.models
    events, metrics = Events(models), _metrics(models)
    metrics.gauge("console_listeners", "listeners to server-sent events", lambda: events.listeners)

    async def health(_request: Request) -> Response:
        stale = {each.name: each.stale_since_ms for each in models.topics() if each.stale_since_ms is not None}
        complete = all(each.is_complete for each in models.topics())
        return as_json({"status": "stale" if stale else "ready" if complete else "reading", "stale_since_ms": stale})

    async def numbers(_request: Request) -> Response:
        return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    @asynccontextmanager
    async def running(_app: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(feed.run()) for feed in fill()]
        for task in tasks:
            task.add_done_callback(_ended)
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    own = [Route("/health", health), Route("/metrics", numbers), Route("/api/v1/events", events.stream)]
    version = metadata.version("panoptes-streams")
    middleware = [Middleware(_SafeHeaders), *([] if door is None else [Middleware(Guard, door=door)])]
    every = [*own, *routes(sources, version), *more, *([] if door is None else door.routes())]
    return Starlette(routes=every, middleware=middleware, lifespan=running, exception_handlers={HTTPException: _fault})


async def _fault(_request: Request, problem: Exception) -> Response:
    """Answer an address that nobody serves, in the API's form: a path may hold what no route's parameter does."""
    known = problem if isinstance(problem, HTTPException) else HTTPException(500)
    response = as_json({"error": known.detail}, known.status_code)
    response.headers.update(known.headers or {})
    return response


def serve(settings: Settings) -> None:
    """Serve until interrupted. Raises PasswordFileError."""
    gc.set_threshold(_GC_EVERY, 50, 50)  # half a million rows stay; what is made in between is freed without a search
    console = settings.console
    door = Door(console)
    models = ReadModels(0 if console.store_url else console.memory_bytes)
    sources = Sources(models, _history(console, models), Samples(settings, rules_of(settings)))
    pages = page_routes(*sources, Broker(settings))
    app = application(sources, lambda: feeds(settings, models), pages, door)
    uvicorn.Server(server_config(app, console.host, console.port)).run()


def server_config(app: Starlette, host: str, port: int) -> uvicorn.Config:
    """Return the web server's configuration. Whose forwarded headers are believed is the door's business."""
    return uvicorn.Config(
        app, host=host, port=port, log_level="warning", server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip


def _history(console: ConsoleSettings, models: ReadModels) -> History:
    if not console.store_url:
        return MemoryHistory(models)
    return StoreHistory(
        StoreAddress(
            url=console.store_url,
            timeout_s=console.store_timeout_s,
            username=console.store_username,
            password=console.store_password.reveal(),
            bearer_token=console.store_bearer_token.reveal(),
            ca_file=console.store_ca_file,
            headers={"X-Scope-OrgID": console.store_tenant} if console.store_tenant else {},
        )
    )


def _ended(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (problem := task.exception()) is not None:
        log.critical("a feed has ended, the console cannot go on", exc_info=problem)
        task.get_loop().call_soon(_raise, problem)


def _raise(problem: BaseException) -> None:
    raise SystemExit(1) from problem


def _metrics(models: ReadModels) -> Metrics:
    metrics = Metrics("console")
    metrics.gauge("console_devices", "devices that are known", lambda: len(models.resources()))
    metrics.gauge("console_rows", "rows whose newest numbers are kept", models.row_count)
    metrics.counters(
        "console_records_total",
        "records read",
        "topic",
        lambda: [(each.name, each.records) for each in models.topics()],
    )
    metrics.gauges(
        "console_behind_records",
        "records not read yet",
        "topic",
        lambda: [(each.name, each.behind) for each in models.topics()],
    )
    metrics.counters(
        "console_unreadable_records_total", "records that could not be decoded", "topic",
        lambda: [(each.name, each.unreadable) for each in models.topics()],
    )  # fmt: skip
    return metrics


class _SafeHeaders:
    """Adds to every answer what keeps a browser from doing harm, where the answer does not say it itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_safely)
