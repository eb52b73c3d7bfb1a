"""A session with one device during one poll, over any engine and credential."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pollers.snmp.client import Device, Stats
from pollers.snmp.credentials import Community, Credential, CredentialSource, Rereadable
from pollers.snmp.device import explain
from pollers.snmp.device.channel import Channel
from pollers.snmp.device.link import DeviceLink
from pollers.snmp.device.memory import DeviceMemory, Silence
from pollers.snmp.errors import (
    AuthRefused,
    DamagedResponse,
    DeadlineExceeded,
    NoAnswer,
    NoCredentials,
    RetriesSpent,
    SnmpError,
    Unreachable,
)
from pollers.snmp.limits import Limits
from pollers.snmp.values import Oid, SnmpTable, Value

T = TypeVar("T")


class Engines(Protocol):
    """Selects the engine for a device and a credential, and opens a channel over it."""

    def channel(self, device: Device, memory: DeviceMemory, credential: Credential, link: DeviceLink) -> Channel: ...


@dataclass(frozen=True, slots=True)
class SessionShared:
    """Objects that all sessions of a worker share."""

    limits: Limits
    credentials: CredentialSource
    engines: Engines
    probes: asyncio.Semaphore
    now_s: Callable[[], float]
    now_ms: Callable[[], int]


@dataclass(slots=True)
class _Tried:
    """The results of the credentials that were tried."""

    count: int = 0
    certain: bool = True  #: each was refused, or silent more than once: none may be the one that fits
    refused: SnmpError | None = None  #: the first refusal, or the first failure where there is none
    spent: RetriesSpent | None = None

    def failed(self, error: SnmpError, *, retried: bool) -> None:
        if self.refused is None or isinstance(error, AuthRefused):
            self.refused = error
        if isinstance(error, RetriesSpent):
            self.spent = error
        if isinstance(error, NoAnswer) and not retried:
            self.certain = False


class DeviceSession:
    """Finds the credential that fits at the first operation; operations run one after another."""

    def __init__(self, worker: SessionShared, device: Device, memory: DeviceMemory, link: DeviceLink) -> None:
        self.stats: Stats = link.stats
        self._worker = worker
        self._device = device
        self._memory = memory
        self._link = link
        self._page_bytes = memory.paging.response_bytes
        self._channel: Channel | None = None
        self._turn = asyncio.Lock()

    @property
    def unreachable_since_ms(self) -> int | None:
        silence = self._memory.silence
        return silence.since_ms if silence is not None else None

    async def get(self, oid: Oid) -> Value:
        return (await self.get_many([oid]))[0]

    async def get_many(self, oids: Sequence[Oid]) -> list[Value]:
        if not oids:
            return []
        return await self._do(lambda channel: channel.get_many(oids))

    async def following(self, oids: Sequence[Oid]) -> list[Oid | None]:
        return await self._do(lambda channel: channel.following(oids)) if oids else []

    async def walk(self, columns: Sequence[Oid]) -> SnmpTable:
        return await self._do(lambda channel: channel.walk(columns))

    async def table(self, columns: Sequence[Oid]) -> SnmpTable:
        return await self._do(lambda channel: channel.table(columns))

    async def _do(self, operation: Callable[[Channel], Awaitable[T]]) -> T:
        """Run an operation; credentials that the device refuses are looked up anew, once."""
        async with self._turn:
            fresh = self._channel is None and self._memory.credential is None
            try:
                channel = self._channel or await self._contact()
                try:
                    return await operation(channel)
                except AuthRefused:
                    self._channel = self._memory.credential = None
                    if fresh:
                        raise
                return await operation(await self._try_all(await self._candidates(anew=True)))
            except Unreachable:
                raise
            except RetriesSpent as error:
                raise self._asked_once(error) from None
            except NoAnswer as error:
                raise self._silent(error) from None

    async def _contact(self) -> Channel:
        """Return a channel with the credential that is known to fit, or the first that does."""
        silence = self._memory.silence
        if silence is not None:
            if not silence.due(self._worker.now_s()):
                raise self._unreachable()
            candidates = await self._candidates()
            await self._take_probe_slot(silence, len(candidates))
            try:
                return await self._try_all(candidates)
            finally:
                self._worker.probes.release()
        if self._memory.credential is not None:
            return self._open(self._memory.credential)
        candidates = await self._candidates()
        if len(candidates) > 1:
            return await self._try_all(candidates)
        self._memory.credential = candidates[0]
        return self._open(candidates[0])

    async def _take_probe_slot(self, silence: Silence, probes: int) -> None:
        """Take a place among the worker's probes, with time left for each of these. Raises Unreachable for no place.

        A probe with less time would take a device for silent that was not given the time to answer.
        """
        try:
            async with asyncio.timeout(max(0.0, self._left_s() - probes * self._first_wait_s())):
                await self._worker.probes.acquire()
        except TimeoutError:
            text = explain.not_probed(self._device.endpoint, self._worker.now_s() - silence.since_s)
            raise Unreachable(text, silence.since_ms) from None

    def _left_s(self) -> float:
        return self._link.ends_s - self._worker.now_s()

    def _first_wait_s(self) -> float:
        """Return the longest wait for the answer to a first packet."""
        limits = self._link.limits
        return limits.timeout_s * (1 + limits.jitter)

    async def _candidates(self, *, anew: bool = False) -> Sequence[Credential]:
        """Return the credentials to try, read again if `anew`.

        Raises NoCredentials, and DeadlineExceeded while their store is away.
        """
        device, source = self._device, self._worker.credentials
        try:
            async with asyncio.timeout(self._left_s()):
                if anew and isinstance(source, Rereadable):
                    await source.reread(device.site)
                found = await source.candidates(device.site, device.device_id)
        except TimeoutError:
            raise DeadlineExceeded("the store of credentials did not answer within the poll's time") from None
        if not found:
            raise NoCredentials(explain.no_credentials(device.site, device.device_id))
        return found

    async def _try_all(self, candidates: Sequence[Credential]) -> Channel:
        """Probe with each credential in order, and remember the first that gets an answer. Raises the last refusal.

        One lost packet is no refusal: what answers after a silence that was not made sure of serves this poll only.
        """
        tried = _Tried()
        for credential in candidates:
            channel, retries = self._open(credential), self.stats.retries
            try:
                with self._share_of_time(len(candidates) - tried.count):
                    tried.count += 1
                    await channel.probe()
            except (NoAnswer, AuthRefused, DamagedResponse) as error:
                tried.failed(error, retried=self.stats.retries > retries or not self._link.limits.retries)
                if self._left_s() <= 0:
                    break
                continue
            except SnmpError:
                pass  # an error-status is an answer
            if tried.certain:
                self._memory.credential = credential
            self._memory.answered()
            return channel
        raise self._none_fits(candidates, tried)

    @contextlib.contextmanager
    def _share_of_time(self, among: int) -> Iterator[None]:
        """End what is asked inside early enough for the others, but not before a first packet may be answered."""
        link, ends_s = self._link, self._link.ends_s
        share_s = max(self._first_wait_s(), self._left_s() / among)
        link.ends_s = min(ends_s, self._worker.now_s() + share_s)
        try:
            yield
        finally:
            link.ends_s = ends_s

    def _none_fits(self, candidates: Sequence[Credential], tried: _Tried) -> SnmpError:
        """Return the error that says most about why no credential had an answer."""
        self._channel = None
        if tried.refused is not None and not isinstance(tried.refused, NoAnswer):
            return tried.refused
        if tried.spent is not None:
            return tried.spent
        return NoAnswer(
            explain.no_credential_fits(
                self._device.endpoint,
                self.stats.packets_sent,
                tried=tried.count,
                stored=len(candidates),
                wrong_sources=self._link.wrong_sources,
                v3=not any(isinstance(c, Community) for c in candidates),
            )
        )

    def _open(self, credential: Credential) -> Channel:
        self._channel = self._worker.engines.channel(self._device, self._memory, credential, self._link)
        return self._channel

    def _silent(self, error: NoAnswer) -> NoAnswer:
        """Remember a device that has not said a word in this session."""
        if self.stats.packets_received or not self.stats.packets_sent:
            return error
        was = self._memory.silence
        self._memory.silent(self._worker.now_s(), self._worker.now_ms(), self._link.limits)
        self._memory.paging.response_bytes = self._page_bytes  # silence tells nothing about the size of pages
        self._channel = None
        return self._unreachable() if was is not None else error

    def _asked_once(self, error: RetriesSpent) -> NoAnswer:
        """Return what one packet without answer says: of a device that was not silent, next to nothing."""
        silence = self._memory.silence
        return error if silence is None else Unreachable(str(error), silence.since_ms)

    def _unreachable(self) -> Unreachable:
        silence, now = self._memory.silence, self._worker.now_s()
        if silence is None:
            raise RuntimeError("asked why a device is unreachable that is not")
        text = explain.unreachable(self._device.endpoint, now - silence.since_s, silence.next_probe_s - now)
        return Unreachable(text, silence.since_ms)


def probe_slots(limits: Limits) -> asyncio.Semaphore:
    """Return a semaphore that limits probes of silent devices, so that they do not crowd out other polls."""
    return asyncio.Semaphore(limits.probes)
