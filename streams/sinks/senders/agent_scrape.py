"""The sink `prometheus-scrape`: serves the last values of every row as a page to be scraped.

It is a view: it has no place in its topics and stores nothing. `/metrics` is everything, or what the parameters `site`,
`device` and `group` leave of it; `/sd` has a target for each device.
"""

import asyncio
import hmac
import ipaddress
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pollers.plugins.base import PluginContext
from pollers.plugins.batch import Batch, Written
from pollers.snmp.credentials import Secret
from schemas.errors import FatalError
from streams.runtime.ops.ports import listening_at
from streams.sinks.encoding.exposition import Exposition, Page
from streams.sinks.encoding.latest import LatestRows, ScrapeFilter
from streams.sinks.senders.naming import NAMING, naming_of
from streams.sinks.senders.options import SERIES, OptionReader, read_series

log = logging.getLogger(__name__)

_FORGET_EVERY_S: Final = 10.0
_KNOWN: Final = (
    "listen",
    "look_back_s",
    "max_rows",
    "certificate_file",
    "key_file",
    "bearer_token",
    "bearer_token_file",
)


class Listener(NamedTuple):
    """The address on which pages are served, and who may read them."""

    host: str
    port: int
    certificate_file: str
    key_file: str
    bearer_token: Secret
    bearer_token_file: str


class _Server(uvicorn.Server):
    """A server within a worker: signals are the worker's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ScrapeSink:
    """A SinkPlugin and a ViewSinkPlugin."""

    def __init__(
        self, context: PluginContext, listener: Listener, latest: LatestRows, exposition: Exposition, look_back_s: float
    ) -> None:
        self.look_back_s = look_back_s
        self.latest: Final = latest
        self.scrapes = 0
        self.port = 0  #: once it listens
        self._name = context.section
        self._now_ms = context.now_ms
        self._listener = listener
        self._exposition = exposition

    async def write(self, batch: Batch) -> Written:
        """Take the values of the batch's rows."""
        self.latest.take(batch.blocks)
        return Written(sum(block.numbers.size for block in batch.blocks))

    def left(self, resource: str) -> None:
        """Forget a device."""
        self.latest.forget(resource)

    async def close(self) -> None:
        """Do nothing: the server ends with `serve`."""

    async def serve(self) -> None:
        """Serve until cancelled. Raises FatalError where it cannot listen."""
        where = self._listener
        config = uvicorn.Config(
            self.application(), log_config=None, lifespan="off", server_header=False, timeout_graceful_shutdown=1,
            ssl_certfile=where.certificate_file or None, ssl_keyfile=where.key_file or None,
        )  # fmt: skip
        try:
            await asyncio.to_thread(config.load)  # certificates are read from files
            taken = listening_at(where.host, where.port)
        except OSError as problem:
            raise FatalError(f"[sink:{self._name}] cannot listen at {where.host}:{where.port}: {problem}") from problem
        self.port = taken.getsockname()[1]
        log.info("sink=%s serves pages at=%s:%d", self._name, where.host, self.port)
        server = _Server(config)
        async with asyncio.TaskGroup() as both:
            both.create_task(server.serve([taken]))
            both.create_task(self._forget())

    def application(self) -> Starlette:
        """Return the web application."""
        return Starlette(routes=[Route("/metrics", self._metrics), Route("/sd", self._targets)])

    async def _forget(self) -> None:
        told = 0
        while True:
            await asyncio.sleep(_FORGET_EVERY_S)
            self.latest.forget_old(self._now_ms())
            if self.latest.left_out > told:
                told = self.latest.left_out
                log.warning(
                    "sink=%s has no room for more rows, they are left out max_rows=%d gauges_left_out=%d",
                    self._name, self.latest.most_rows, told,
                )  # fmt: skip

    async def _metrics(self, request: Request) -> Response:
        if not await self._may(request):
            return _refused()
        several = request.query_params
        asked = ScrapeFilter(*(frozenset(several.getlist(name)) for name in ("site", "device", "group")))
        if unknown := set(several) - {"site", "device", "group"}:
            return PlainTextResponse(f"expected site, device, group, found {', '.join(sorted(unknown))}\n", 400)
        form = Page.OPENMETRICS if "application/openmetrics-text" in request.headers.get("accept", "") else Page.TEXT
        rows, values = self.latest.chosen(asked), self.latest.values
        self.scrapes += 1
        # rows are values that nobody changes, so that the loop goes on meanwhile
        page = await asyncio.to_thread(self._exposition.page, form, rows, values)
        return Response(page, headers={"Content-Type": form})

    async def _targets(self, request: Request) -> Response:
        if not await self._may(request):
            return _refused()
        address = request.headers.get("host", f"{self._listener.host}:{self._listener.port}")
        found = self._exposition.targets(self.latest.devices())
        return JSONResponse(
            [
                {
                    "targets": [address],
                    "labels": {
                        "instance": f"{one.site}/{one.device}",
                        "__param_site": one.site,
                        "__param_device": one.device,
                        **{f"__meta_panoptes_{name}": value for name, value in one.labels.items()},
                    },
                }
                for one in found
            ]
        )

    async def _may(self, request: Request) -> bool:
        """Return whether the request has the token; its file is read each time, so that a change needs no restart."""
        where = self._listener
        token = where.bearer_token.reveal()
        if where.bearer_token_file:
            token = (await asyncio.to_thread(Path(where.bearer_token_file).read_text, encoding="utf-8")).strip()
        given = request.headers.get("authorization", "")
        return not token or hmac.compare_digest(given.encode(), f"Bearer {token}".encode())


def _refused() -> Response:
    return PlainTextResponse("expected a bearer token\n", 401, {"WWW-Authenticate": "Bearer"})


def create(context: PluginContext) -> ScrapeSink:
    """Create the sink from its section. Raises OptionError."""
    reader = OptionReader(context.options)
    listener = _listener(reader)
    series = read_series(reader)
    names, labels = naming_of(reader, series)
    look_back_s = reader.number("look_back_s", 600, 1, 86_400)
    most_rows = int(reader.number("max_rows", 500_000, 1, 10_000_000))
    reader.finish((*_KNOWN, *SERIES, *NAMING))
    return ScrapeSink(context, listener, LatestRows(names, most_rows), Exposition(names, labels), look_back_s)


def _listener(reader: OptionReader) -> Listener:
    listen = reader.text("listen", "127.0.0.1:9469")
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    found = Listener(
        host=host,
        port=int(port) if port.isascii() and port.isdecimal() else -1,
        certificate_file=reader.text("certificate_file"),
        key_file=reader.text("key_file"),
        bearer_token=Secret(reader.text("bearer_token")),
        bearer_token_file=reader.text("bearer_token_file"),
    )
    if not host or not 0 <= found.port <= 65_535:
        reader.problems["listen"] = f"expected an address and a port like 127.0.0.1:9469, found {listen!r}"
    elif not _is_loopback(host) and not found.bearer_token and not found.bearer_token_file:
        reader.problems["listen"] = f"expected a bearer_token_file where {host} is no loopback address"
    if bool(found.certificate_file) != bool(found.key_file):
        reader.problems["certificate_file"] = "expected certificate_file and key_file together"
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
