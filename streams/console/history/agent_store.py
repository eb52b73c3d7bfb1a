"""Queries history over HTTP from a PromQL store: Prometheus, VictoriaMetrics, Mimir, Thanos."""

import asyncio
import json
import ssl
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from schemas.errors import BackendError
from streams.console.history.promql import moment, moment_query, points, points_of_rows, query
from streams.console.models.facts import AROUND_S, Point, RowAt, RowSeries
from streams.scheduling.row_filters import parts

_LONGEST: Final = 16 * 2**20  #: bytes of an answer
_AT_ONCE: Final = 4  #: questions; a page of sparklines asks many


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAddress:
    """The store's URL and credentials."""

    url: str  #: up to `/api/v1`
    timeout_s: float = 5.0
    username: str = ""
    password: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)  #: such as X-Scope-OrgID, the tenant


class StoreHistory:
    """History from the store."""

    def __init__(self, store: StoreAddress) -> None:
        self._store = store
        self._client: httpx.AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._away_since_ms: int | None = None
        self._turn = asyncio.Semaphore(_AT_ONCE)

    def source(self) -> str:
        return f"from the store at {httpx.URL(self._store.url).host}"

    def away_since_ms(self) -> int | None:
        """Return since when the store cannot be asked, Unix milliseconds; None: it can, or nobody has asked."""
        return self._away_since_ms

    async def points(self, series: RowSeries, start_s: int, end_s: int, step_s: int) -> Sequence[Point]:
        """Return the series in steps that are aligned to multiples of the step. Raises BackendError while the store is
        away.
        """
        start_s -= start_s % step_s
        asked: dict[str, str | int] = {"query": query(series, step_s), "start": start_s, "end": end_s, "step": step_s}
        return points(await self._ask("query_range", asked), series, start_s, end_s, step_s)

    async def of_rows(
        self, series: RowSeries, rows: Collection[str], start_s: int, end_s: int, step_s: int
    ) -> Mapping[str, Sequence[Point]]:
        """Return the series of each of these rows, by one query. Raises BackendError while the store is away."""
        start_s -= start_s % step_s
        every = series._replace(row="")
        asked: dict[str, str | int] = {"query": query(every, step_s), "start": start_s, "end": end_s, "step": step_s}
        found = points_of_rows(await self._ask("query_range", asked), every, start_s, end_s, step_s)
        return {row: found[row] for row in rows if row in found}

    async def moment(self, number: RowSeries, rows: Collection[RowAt], at_s: int) -> Mapping[RowAt, float]:
        """Return the number of each of these rows around a time. Raises BackendError while the store is away."""
        of = (number.group, number.name, number.unit)
        told = moment(await self._ask("query", {"query": moment_query(*of, AROUND_S), "time": at_s}), *of)
        found = {}
        for identity, row in rows:
            site, *_, device = parts(identity)
            place = (site, device, row)
            if place in told:
                found[identity, row] = told[place]
        return found

    async def _ask(self, what: str, asked: Mapping[str, str | int]) -> object:
        """Return the answer as JSON has it. Raises BackendError."""
        try:
            told = await self._told(what, asked)
        except BackendError:
            self._away_since_ms = self._away_since_ms or int(time.time() * 1000)
            raise
        self._away_since_ms = None
        return told

    async def _told(self, what: str, asked: Mapping[str, str | int]) -> object:
        """Return the answer as JSON has it. Raises BackendError."""
        url = f"{self._store.url.rstrip('/')}/{what}"
        try:
            async with self._turn, asyncio.timeout(self._store.timeout_s):
                client = await self._connected()
                async with client.stream("POST", url, data=asked, headers=dict(self._store.headers)) as answer:
                    if answer.status_code != httpx.codes.OK:
                        raise BackendError(f"the store answered {answer.status_code} to a query")
                    body = bytearray()
                    async for piece in answer.aiter_bytes():
                        body += piece
                        if len(body) > _LONGEST:
                            raise BackendError(f"the store answered more than {_LONGEST} bytes to a query")
            told: object = json.loads(bytes(body))
        except TimeoutError as problem:
            raise BackendError(f"the store has not answered within {self._store.timeout_s:g} s") from problem
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as problem:
            raise BackendError(f"the store cannot be asked: {problem or type(problem).__name__}") from problem
        return told

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _connected(self) -> httpx.AsyncClient:
        async with self._connecting:
            if self._client is None:
                self._client = await asyncio.to_thread(_client, self._store)
            return self._client


def _client(store: StoreAddress) -> httpx.AsyncClient:
    """Return a client with the store's certificates, which are read from files."""
    if store.ca_file and not Path(store.ca_file).is_file():
        raise FileNotFoundError(f"ca_file {store.ca_file} is not there")
    context = ssl.create_default_context(cafile=store.ca_file or None)
    if store.certificate_file:
        context.load_cert_chain(store.certificate_file, store.key_file or None)
    auth = (store.username, store.password) if store.username else None
    bearer = {"Authorization": f"Bearer {store.bearer_token}"} if store.bearer_token else {}
    return httpx.AsyncClient(verify=context, timeout=store.timeout_s, trust_env=False, auth=auth, headers=bearer)
