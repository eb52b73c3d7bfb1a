"""A store that speaks PromQL, asked over HTTP: Prometheus, VictoriaMetrics, Mimir, Thanos."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from schemas.errors import BackendError
from streams.console.history.promql import points, query
from streams.console.models.facts import Point, RowSeries

_LONGEST: Final = 16 * 2**20  #: bytes of an answer
_AT_ONCE: Final = 4  #: questions; a page of sparklines asks many


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAddress:
    """Where it is and how we are let in."""

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
    """What the store has."""

    def __init__(self, store: StoreAddress) -> None:
        self._store = store
        self._client: httpx.AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._turn = asyncio.Semaphore(_AT_ONCE)

    def source(self) -> str:
        return f"from the store at {httpx.URL(self._store.url).host}"

    async def points(self, series: RowSeries, start_s: int, end_s: int, step_s: int) -> Sequence[Point]:
        """Return the series in steps that begin at multiples of a step. Raises BackendError while the store is away."""
        start_s -= start_s % step_s
        asked = {"query": query(series, step_s), "start": start_s, "end": end_s, "step": step_s}
        url = f"{self._store.url.rstrip('/')}/query_range"
        try:
            async with self._turn, asyncio.timeout(self._store.timeout_s):
                client = await self._connected()
                answer = await client.post(url, data=asked, headers=dict(self._store.headers))
            if answer.status_code != httpx.codes.OK or len(answer.content) > _LONGEST:
                raise BackendError(f"the store answered {answer.status_code} to a query")
            told = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as problem:
            raise BackendError(f"the store cannot be asked: {problem or type(problem).__name__}") from problem
        return points(told, series, start_s, end_s, step_s)

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
