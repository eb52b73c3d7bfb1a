"""The base of HTTP sinks: encodes a batch once, and sends it until all of it is accounted for."""

import asyncio
import base64
import logging
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

import httpx

from pollers.plugins.base import Secrets
from pollers.plugins.batch import Batch, Block, Refused, TryAgain, Written
from streams.sinks.delivery.answers import Answer, Judged, judge
from streams.sinks.delivery.progress import Delivery
from streams.sinks.delivery.refusals import Refusals
from streams.sinks.encoding.cardinality import Cardinality
from streams.sinks.encoding.forms import Form
from streams.sinks.reading.times import in_range
from streams.sinks.senders.options import SinkTarget

log = logging.getLogger(__name__)

_SMALLEST: Final = 2**10  #: bytes; a store that takes less than this at a time takes nothing
_LONGEST_ANSWER: Final = 64 * 2**10


class _UnderWay:
    """A batch that has been encoded: what is sent of it is not sent again when it comes again."""

    def __init__(self, delivery: Delivery, refused: Sequence[Refused]) -> None:
        self.delivery = delivery
        self.refused = refused


class HttpSink:
    """A SinkPlugin for any store that accepts POST requests."""

    def __init__(self, name: str, target: SinkTarget, form: Form, now_ms: Callable[[], int], secrets: Secrets) -> None:
        self._name = name
        self._target = target
        self._form = form
        self._now_ms = now_ms
        self._secrets = secrets
        self._refusals = Refusals()
        self._under_way: WeakKeyDictionary[Batch, _UnderWay] = WeakKeyDictionary()
        self._max_bytes = target.max_bytes
        self._client: httpx.AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._partly = 0
        self._next_line_ms = 0
        self.requests: dict[Answer, int] = dict.fromkeys(Answer, 0)
        self.bytes_sent = 0
        self.encode_s = 0.0
        self.halved = 0  #: how often a run of records was halved

    async def write(self, batch: Batch) -> Written:
        """Write the batch and return the result. Raises TryAgain, with what the store said; it goes on where it was."""
        under_way = self._under_way.get(batch)
        if under_way is None:
            under_way = self._under_way[batch] = self._encode(batch)
        delivery = under_way.delivery
        while (octets := delivery.next(self._max_bytes)) is not None:
            judged = await self._post(octets)
            self.requests[judged.answer] += 1
            if judged.answer in (Answer.BUSY, Answer.KEPT_OUT):
                raise TryAgain(f"{self._target.shown}: {judged.said}", judged.after_s)
            if judged.answer is Answer.TOO_LARGE:
                self._max_bytes = max(_SMALLEST, min(self._max_bytes, len(octets)) // 2)
            delivery.answered(judged, self._now_ms())
            if delivery.hopeless and not self.requests[Answer.STORED]:
                del self._under_way[batch]
                self._refusals.forget()
                raise TryAgain(f"{self._target.shown}: takes nothing at all: {judged.said}")
        del self._under_way[batch]
        self.halved += delivery.halved
        return delivery.written(under_way.refused)

    @property
    def cardinality(self) -> Cardinality:
        """Return the number of series."""
        return self._form.cardinality

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _encode(self, batch: Batch) -> _UnderWay:
        began = time.process_time()
        good, refused = in_range(batch.blocks)
        good = self._bounded(good)
        pieces = self._form.encoder.encode(good)
        self.encode_s += time.process_time() - began
        return _UnderWay(Delivery(pieces, self._form.parts, self._refusals, self._now_ms()), refused)

    def _bounded(self, blocks: Sequence[Block]) -> list[Block]:
        """Return the blocks without rows beyond the bound; that they are left out is said now and then."""
        bound = self._form.cardinality
        before = bound.left_out
        within = bound.within(blocks)
        now_ms = self._now_ms()
        if bound.left_out > before and now_ms >= self._next_line_ms:
            self._next_line_ms = now_ms + 10_000
            log.warning(
                "sink=%s has no room for more series, new rows are left out max_series=%d series=%d"
                " numbers_left_out=%d", self._name, bound.most, bound.series, bound.left_out,
            )  # fmt: skip
        return within

    async def _post(self, octets: bytes) -> Judged:
        body = self._form.wrap(octets)
        try:
            client = await self._connected()
            headers = {**self._form.headers, **self._target.headers, **await self._authorization()}
            response = await client.post(self._target.url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as problem:
            return Judged(Answer.BUSY, _told(problem))
        self.bytes_sent += len(body)
        answer = response.content[:_LONGEST_ANSWER]
        judged = judge(response.status_code, response.headers, answer.decode("utf-8", "replace"), self._now_ms() / 1000)
        if judged.answer is Answer.STORED:
            self._say_rejected(*self._form.rejected(answer))
        return judged

    def _say_rejected(self, count: int, why: str) -> None:
        if count:
            self._partly += count
            log.warning("sink=%s refused numbers=%d (all: %d) reason=%s", self._name, count, self._partly, why[:200])

    async def _connected(self) -> httpx.AsyncClient:
        async with self._connecting:
            if self._client is None:
                self._client = await asyncio.to_thread(_client, self._target)
            return self._client

    async def _authorization(self) -> dict[str, str]:
        """Return the header that lets us in; files and Redis are read each time, so that a change needs no restart."""
        target = self._target
        secret = ""
        if target.secret:
            secret = await self._secrets(target.secret)
        for path in filter(None, (target.password_file, target.bearer_token_file)):
            secret = (await asyncio.to_thread(Path(path).read_text, encoding="utf-8")).strip()
        secret = secret or target.password.reveal() or target.bearer_token.reveal()
        if target.username:
            pair = base64.b64encode(f"{target.username}:{secret}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        return {"Authorization": f"{target.scheme} {secret}"} if secret else {}


def _client(target: SinkTarget) -> httpx.AsyncClient:
    """Return a client with the certificates of the target, which are read from files."""
    if target.ca_file and not Path(target.ca_file).is_file():
        raise FileNotFoundError(f"ca_file {target.ca_file} is not there")
    context = ssl.create_default_context(cafile=target.ca_file or None)
    if target.certificate_file:
        context.load_cert_chain(target.certificate_file, target.key_file or None)
    return httpx.AsyncClient(verify=context, timeout=target.timeout_s, trust_env=False)


def _told(problem: Exception) -> str:
    """Return a line about what went wrong before there was an answer."""
    cause: BaseException = problem
    while cause.__cause__ is not None or cause.__context__ is not None:
        cause = cause.__cause__ or cause.__context__ or cause
    kind = "no answer in time" if isinstance(problem, httpx.TimeoutException) else type(problem).__name__
    return f"{kind}: {cause}" if str(cause) else kind
