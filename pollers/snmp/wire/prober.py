"""Probes many addresses for devices over one socket; keeps state only for addresses in flight.

Every address is sent each credential's message side by side; who has not answered after the timeout is sent them once
more for each further round. Packets are paced; memory is that of the few blocks under way.
"""

import asyncio
import random
import socket
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from itertools import islice
from typing import Final

from pollers.snmp.client import Found, Probed, ProbePace, Target
from pollers.snmp.codec.message import Resync
from pollers.snmp.codec.probing import (
    SYSTEM,
    Identity,
    engine_id_in,
    heard,
    identity_in,
    questions,
    request_id_of,
)
from pollers.snmp.codec.usm import UsmFrame
from pollers.snmp.credentials import Credential, CredentialSource, UsmUser
from pollers.snmp.device.link import Address
from pollers.snmp.errors import NoCredentials, SnmpError
from pollers.snmp.wire.echo import Echo
from pollers.snmp.wire.sockets import Sockets

_SLICE_S: Final = 0.01
#: a pause is made up for by so much at once, so that a busy loop makes no burst
_BURST_S: Final = 0.05
_LOGINS: Final = 64  #: SNMPv3 devices that are logged in to at a time
_LOGIN_STEPS: Final = 4  #: messages of one login, resynchronisations included
_BUFFER_BYTES: Final = 2**22


async def probe(
    source: CredentialSource, site: str, targets: Iterator[Target], pace: ProbePace, echo: Echo
) -> AsyncGenerator[Probed, None]:
    """Yield the results of a sweep with the site's credentials. Raises NoCredentials where it has none."""
    credentials = await source.candidates(site, "")
    if not credentials:
        raise NoCredentials(f"no credentials are stored for site {site!r}: `panoptes secrets set --site {site}`")
    async with aclosing(Prober(credentials, pace, echo).run(targets)) as steps:
        async for step in steps:
            yield step


class Prober:
    """One probe run over many addresses with one site's credentials."""

    def __init__(self, credentials: Sequence[Credential], pace: ProbePace, echo: Echo) -> None:
        self._questions: Final = questions(credentials, random.getrandbits(31))
        self._users: Final = [one for one in dict.fromkeys(credentials) if isinstance(one, UsmUser)]
        self._by_id: Final = {question.request_id: number for number, question in enumerate(self._questions)}
        self._pace: Final = pace
        self._echo: Final = echo
        self._sockets: Final = Sockets(self._receive, _BUFFER_BYTES)
        self._waiting: dict[Address, Target] = {}  #: whom an answer is expected of
        self._heard: dict[Address, tuple[int, Found]] = {}  #: the answer to the first credential that has one
        self._logins: dict[Address, asyncio.Task[None]] = {}
        self._replies: dict[bytes, tuple[Address, asyncio.Future[bytes]]] = {}
        self._room: Final = asyncio.Semaphore(_LOGINS)
        self._sent = self._unsendable = 0
        self._since_s = 0.0
        self._owed = 0.0  #: packets that may be sent now

    async def run(self, targets: Iterator[Target]) -> AsyncGenerator[Probed, None]:
        """Yield the results block by block, in the order of the targets."""
        loop, pace = asyncio.get_running_loop(), self._pace
        self._since_s = loop.time()
        size = max(1, int(pace.packets_per_s * pace.timeout_s) // max(1, len(self._questions)))
        blocks: list[tuple[float, list[Target]]] = []  #: when its last round was over, and whom it asks
        try:
            while block := list(islice(targets, size)):
                there = await self._there(block) if pace.ping else block
                begun_s = loop.time()
                await self._ask(there)
                for _ in range(1, pace.rounds):
                    await self._rest(begun_s + pace.timeout_s)
                    begun_s = loop.time()
                    await self._ask([target for target in there if self._is_silent(target)])
                blocks.append((loop.time(), block))
                while len(blocks) > 1:
                    yield await self._settled(*blocks.pop(0))
            for each in blocks:
                yield await self._settled(*each)
        finally:
            for login in self._logins.values():
                login.cancel()
            self._sockets.close()
            self._echo.close()

    async def _there(self, block: Sequence[Target]) -> Sequence[Target]:
        """Return the targets that answer an echo, or that none may be sent to."""
        loop, answered = asyncio.get_running_loop(), self._echo.answered
        for _ in range(self._pace.rounds):
            begun_s, sent = loop.time(), 0
            for host in dict.fromkeys(target.host for target in block if target.host not in answered):
                if self._owed < 1:
                    await self._turn()
                if self._echo.send(host):
                    self._owed -= 1
                    sent += 1
            self._sent += sent
            if sent:
                await self._rest(max(begun_s, loop.time()) + self._pace.timeout_s)
        return [target for target in block if target.host in answered]

    async def _settled(self, ended_s: float, block: Sequence[Target]) -> Probed:
        """Return what came of a block when its answers must be there."""
        await self._rest(ended_s + self._pace.timeout_s)
        addresses = [_address(target) for target in block]
        logins = [self._logins[address] for address in addresses if address in self._logins]
        if logins:
            await asyncio.gather(*logins)
        found: list[Found] = []
        for address in addresses:
            self._waiting.pop(address, None)
            self._logins.pop(address, None)
            if (answer := self._heard.pop(address, None)) is not None:
                found.append(answer[1])
        return Probed(found, len(block), self._sent, self._unsendable)

    async def _rest(self, until_s: float) -> None:
        left_s = until_s - asyncio.get_running_loop().time()
        if left_s > 0:
            await asyncio.sleep(left_s)

    def _is_silent(self, target: Target) -> bool:
        address = _address(target)
        return address not in self._heard and address not in self._logins

    # sending

    async def _ask(self, targets: Sequence[Target]) -> None:
        for target in targets:
            address, family = _address(target), socket.AF_INET6 if ":" in target.host else socket.AF_INET
            self._waiting[address] = target
            for question in self._questions:
                if self._owed < 1:
                    await self._turn()
                self._send(family, address, question.message)

    async def _turn(self) -> None:
        """Wait until a packet may be sent."""
        loop, rate = asyncio.get_running_loop(), self._pace.packets_per_s
        while True:
            now_s = loop.time()
            self._owed = min(self._owed + (now_s - self._since_s) * rate, max(1.0, rate * _BURST_S))
            self._since_s = now_s
            if self._owed >= 1:
                return
            await asyncio.sleep(max(_SLICE_S, (1 - self._owed) / rate))

    def _send(self, family: int, address: Address, message: bytes) -> None:
        self._owed -= 1
        self._sent += 1
        try:
            self._sockets.sender(family)(message, address)
        except OSError:  # no route, a full buffer: one round of this address is lost
            self._unsendable += 1

    # answers

    def _receive(self, data: bytes, address: Address, _waited_s: float) -> None:
        request_id = request_id_of(data)
        address = address[:2]
        if (reply := self._replies.get(request_id)) is not None:
            if reply[0] == address and not reply[1].done():
                reply[1].set_result(data)
            return
        number, target = self._by_id.get(request_id), self._waiting.get(address)
        if number is None or target is None:
            return
        question = self._questions[number]
        if question.version == "3":
            if address not in self._logins and (engine_id := engine_id_in(data)):
                self._logins[address] = asyncio.create_task(self._log_in(number, address, target, engine_id))
            return
        identity = heard(question, data)
        if identity is not None:
            self._hear(number, address, Found(target, question.version, *identity))

    def _hear(self, number: int, address: Address, found: Found) -> None:
        before = self._heard.get(address)
        if before is not None and before[0] <= number:
            number, found = before[0], before[1]._replace(engine_id=before[1].engine_id or found.engine_id)
        self._heard[address] = (number, found)

    async def _log_in(self, number: int, address: Address, target: Target, engine_id: bytes) -> None:
        """Ask a device that speaks SNMPv3 as each of the site's users, until one is taken."""
        async with self._room:
            for user in self._users:
                if (identity := await self._asked_as(user, address)) is not None:
                    identity = identity._replace(engine_id=identity.engine_id or engine_id.hex())
                    self._hear(number, address, Found(target, "3", *identity))
                    return

    async def _asked_as(self, user: UsmUser, address: Address) -> Identity | None:
        frame = UsmFrame(user, random.getrandbits(64))
        loop, tries = asyncio.get_running_loop(), self._pace.rounds
        for _ in range(_LOGIN_STEPS):
            request_id = random.getrandbits(31).to_bytes(4)
            message = frame.message(SYSTEM, request_id, loop.time())
            data = await self._exchange(address, request_id, message)
            if data is None:
                tries -= 1
                if not tries:
                    return None
                continue
            try:
                return identity_in(frame.answer(data, request_id, loop.time()))
            except Resync:
                continue
            except SnmpError:
                return None
        return None

    async def _exchange(self, address: Address, request_id: bytes, message: bytes) -> bytes | None:
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._replies[request_id] = (address, reply)
        try:
            await self._turn()
            self._send(socket.AF_INET6 if ":" in str(address[0]) else socket.AF_INET, address, message)
            async with asyncio.timeout(self._pace.timeout_s):
                return await reply
        except TimeoutError:
            return None
        finally:
            del self._replies[request_id]


def _address(target: Target) -> Address:
    return (target.host, target.port)
