"""A session: one device, during one poll, whichever engine and credential it takes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pollers.snmp import explain
from pollers.snmp.channel import Channel
from pollers.snmp.client import Device, Stats
from pollers.snmp.credentials import Community, Credential, CredentialSource
from pollers.snmp.devices import Memory
from pollers.snmp.errors import (
    AuthRefused,
    DamagedResponse,
    DeadlineExceeded,
    NoAnswer,
    NoCredentials,
    SnmpError,
    Unreachable,
)
from pollers.snmp.limits import Limits
from pollers.snmp.link import Link
from pollers.snmp.values import Oid, Table, Value

T = TypeVar("T")


class Engines(Protocol):
    """Picks the engine for a device and a credential, and opens a channel over it."""

    def channel(self, device: Device, memory: Memory, credential: Credential, link: Link) -> Channel: ...


@dataclass(frozen=True, slots=True)
class Worker:
    """What all sessions of a worker share."""

    limits: Limits
    credentials: CredentialSource
    engines: Engines
    probes: asyncio.Semaphore
    now_s: Callable[[], float]
    now_ms: Callable[[], int]


class DeviceSession:
    """Finds the credential that fits when the first operation is asked for; operations run one after another."""

    def __init__(self, worker: Worker, device: Device, memory: Memory, link: Link) -> None:
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

    async def walk(self, columns: Sequence[Oid]) -> Table:
        return await self._do(lambda channel: channel.walk(columns))

    async def table(self, columns: Sequence[Oid]) -> Table:
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
                return await operation(await self._try_all(await self._candidates()))
            except Unreachable:
                raise
            except NoAnswer as error:
                raise self._silent(error) from None

    async def _contact(self) -> Channel:
        """Return a channel with the credential that is known to fit, or the first that does."""
        silence = self._memory.silence
        if silence is not None:
            if not silence.due(self._worker.now_s()):
                raise self._unreachable()
            async with self._worker.probes:
                return await self._try_all(await self._candidates())
        if self._memory.credential is not None:
            return self._open(self._memory.credential)
        candidates = await self._candidates()
        if len(candidates) > 1:
            return await self._try_all(candidates)
        self._memory.credential = candidates[0]
        return self._open(candidates[0])

    async def _candidates(self) -> Sequence[Credential]:
        """Return the credentials to try. Raises NoCredentials, and DeadlineExceeded while their store is away."""
        device, left_s = self._device, self._link.ends_s - self._worker.now_s()
        try:
            async with asyncio.timeout(left_s):
                found = await self._worker.credentials.candidates(device.site, device.device_id)
        except TimeoutError:
            raise DeadlineExceeded("the store of credentials did not answer within the poll's time") from None
        if not found:
            raise NoCredentials(explain.no_credentials(device.site, device.device_id))
        return found

    async def _try_all(self, candidates: Sequence[Credential]) -> Channel:
        """Probe with each credential in order, and remember the first that gets an answer. Raises the last refusal."""
        refused: SnmpError | None = None
        for credential in candidates:
            channel = self._open(credential)
            try:
                await channel.probe()
            except DeadlineExceeded:
                break
            except (NoAnswer, AuthRefused, DamagedResponse) as error:
                refused = error if refused is None or isinstance(error, AuthRefused) else refused
                continue
            except SnmpError:
                pass  # an error-status is an answer
            self._memory.credential = credential
            self._memory.answered()
            self._channel = channel
            return channel
        if refused is not None and not isinstance(refused, NoAnswer):
            raise refused
        tries = self.stats.packets_sent
        raise NoAnswer(
            explain.no_answer(
                self._device.endpoint,
                tries,
                credentials=len(candidates),
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
        self._memory.silent(self._worker.now_s(), self._worker.now_ms(), self._worker.limits)
        self._memory.paging.response_bytes = self._page_bytes  # silence tells nothing about the size of pages
        self._channel = None
        return self._unreachable() if was is not None else error

    def _unreachable(self) -> Unreachable:
        silence, now = self._memory.silence, self._worker.now_s()
        if silence is None:
            raise RuntimeError("asked why a device is unreachable that is not")
        text = explain.unreachable(self._device.endpoint, now - silence.since_s, silence.next_probe_s - now)
        return Unreachable(text, silence.since_ms)


def probe_slots(limits: Limits) -> asyncio.Semaphore:
    """Return what keeps probes of silent devices from crowding out the others."""
    return asyncio.Semaphore(limits.probes)
