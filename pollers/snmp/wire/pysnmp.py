"""The pysnmp engine: all SNMP versions and algorithms, slower; also the reference of the contract tests.

One SnmpEngine per device, since pysnmp keeps users by name and clocks by engine id: two sites with a user of the same
name, or two devices with the same engine id, would disturb each other. The least recently used are closed.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, TypeAlias

from pyasn1.codec.ber import encoder
from pysnmp.entity.rfc3413 import cmdgen
from pysnmp.hlapi.v3arch import asyncio as hlapi
from pysnmp.hlapi.v3arch.asyncio.lcd import CommandGeneratorLcdConfigurator
from pysnmp.proto import errind
from pysnmp.proto.rfc1902 import Integer32, Null, ObjectIdentifier

from pollers.snmp.codec import ber
from pollers.snmp.codec.message import GET, GET_BULK, PDU_NAMES, Request, want
from pollers.snmp.credentials import AuthProtocol, Community, Credential, PrivProtocol, UsmUser, Version
from pollers.snmp.device import explain
from pollers.snmp.device.channel import Channel, MachineChannel, Shared
from pollers.snmp.device.link import Address, DeviceLink
from pollers.snmp.device.memory import DeviceMemory
from pollers.snmp.errors import AuthRefused, DamagedResponse, DeadlineExceeded, NoAnswer, SnmpError
from pollers.snmp.tables.machine import Machine
from pollers.snmp.trace import Exchanged
from pollers.snmp.wire.permits import Permits

_ENGINES_MOST: Final = 64  #: a megabyte each
_MODULES: Final = (
    "PYSNMP-SOURCE-MIB",
    "PYSNMP-USM-MIB",
    "SNMP-COMMUNITY-MIB",
    "SNMP-TARGET-MIB",
    "SNMP-USER-BASED-SM-MIB",
    "SNMPv2-TM",
    "TRANSPORT-ADDRESS-MIB",
    "__PYSNMP-USM-MIB",
    "__SNMP-FRAMEWORK-MIB",
    "__SNMP-MPD-MIB",
    "__SNMP-USER-BASED-SM-MIB",
    "__SNMPv2-MIB",
)
_AUTH: Final = {
    AuthProtocol.NONE: hlapi.USM_AUTH_NONE,
    AuthProtocol.MD5: hlapi.USM_AUTH_HMAC96_MD5,
    AuthProtocol.SHA1: hlapi.USM_AUTH_HMAC96_SHA,
    AuthProtocol.SHA224: hlapi.USM_AUTH_HMAC128_SHA224,
    AuthProtocol.SHA256: hlapi.USM_AUTH_HMAC192_SHA256,
    AuthProtocol.SHA384: hlapi.USM_AUTH_HMAC256_SHA384,
    AuthProtocol.SHA512: hlapi.USM_AUTH_HMAC384_SHA512,
}
_PRIV: Final = {
    PrivProtocol.NONE: hlapi.USM_PRIV_NONE,
    PrivProtocol.DES: hlapi.USM_PRIV_CBC56_DES,
    PrivProtocol.TRIPLE_DES: hlapi.USM_PRIV_CBC168_3DES,
    PrivProtocol.AES128: hlapi.USM_PRIV_CFB128_AES,
    PrivProtocol.AES192: hlapi.USM_PRIV_CFB192_AES_BLUMENTHAL,
    PrivProtocol.AES256: hlapi.USM_PRIV_CFB256_AES_BLUMENTHAL,
    PrivProtocol.AES192_REEDER: hlapi.USM_PRIV_CFB192_AES,
    PrivProtocol.AES256_REEDER: hlapi.USM_PRIV_CFB256_AES,
}
_REFUSED: Final = (
    errind.UnknownUserName,
    errind.UnknownSecurityName,
    errind.WrongDigest,
    errind.AuthenticationFailure,
    errind.AuthenticationError,
    errind.UnsupportedSecurityLevel,
    errind.DecryptionError,
)
_OUT_OF_STEP: Final = (errind.NotInTimeWindow, errind.UnknownEngineID)


_Auth: TypeAlias = hlapi.CommunityData | hlapi.UsmUserData
_VarBind: TypeAlias = tuple[ObjectIdentifier, Null]
#: what ends a request: an indication or None, error-status, error-index, variables
_Found: TypeAlias = tuple[errind.ErrorIndication, Integer32, Integer32, Sequence[_VarBind]]


class _Target:
    """One device's SnmpEngine, and how its requests are addressed there."""

    def __init__(
        self, engine: hlapi.SnmpEngine, auth: _Auth, transport: hlapi.UdpTransportTarget, context_name: bytes
    ) -> None:
        self.engine = engine
        self.context_name = context_name
        self.address_name, _ = CommandGeneratorLcdConfigurator().configure(engine, auth, transport, context_name)

    def close(self) -> None:
        self.engine.close_dispatcher()


class PysnmpEngine:
    """Creates channels; one for each worker."""

    def __init__(self, shared: Shared, permits: Permits) -> None:
        self.permits = permits
        self._shared = shared
        self._targets: OrderedDict[tuple[Address, Credential], _Target] = OrderedDict()

    def channel(
        self, memory: DeviceMemory, credential: Credential, link: DeviceLink, native: Channel
    ) -> "PysnmpChannel":
        return PysnmpChannel(memory, self._shared, self, credential, link, native)

    async def target(self, credential: Credential, link: DeviceLink) -> _Target:
        """Return the state of this device with this credential."""
        key = (link.address, credential)
        found = self._targets.get(key)
        if found is None:
            engine = await asyncio.to_thread(_made)
            kind = hlapi.UdpTransportTarget if len(link.address) == 2 else hlapi.Udp6TransportTarget
            transport = await kind.create(link.address[:2], timeout=self._shared.limits.timeout_s, retries=0)
            name = credential.context if isinstance(credential, UsmUser) else ""
            found = _Target(engine, _auth_data(credential), transport, name.encode())
            self._targets[key] = found
            if len(self._targets) > _ENGINES_MOST:
                self._targets.popitem(last=False)[1].close()
        self._targets.move_to_end(key)
        return found

    def forget(self, credential: Credential, link: DeviceLink) -> None:
        """Drop a device's state, so that engine id, boots and time are discovered anew."""
        if (target := self._targets.pop((link.address, credential), None)) is not None:
            target.close()

    def close(self) -> None:
        for target in self._targets.values():
            target.close()
        self._targets.clear()


def _made() -> hlapi.SnmpEngine:
    """Return a new SnmpEngine, the MIB modules that it will want read from their files already."""
    made = hlapi.SnmpEngine()
    made.get_mib_builder().load_modules(*_MODULES)
    return made


def _auth_data(credential: Credential) -> _Auth:
    if isinstance(credential, Community):
        model = 0 if credential.version is Version.V1 else 1
        return hlapi.CommunityData(credential.community.octets(), mpModel=model)
    user = credential
    return hlapi.UsmUserData(
        user.name,
        authKey=user.auth_key.reveal() if user.auth_protocol is not AuthProtocol.NONE else None,
        privKey=user.priv_key.reveal() if user.priv_protocol is not PrivProtocol.NONE else None,
        authProtocol=_AUTH[user.auth_protocol],
        privProtocol=_PRIV[user.priv_protocol],
    )


class PysnmpAnswer:
    """A response that pysnmp decoded, encoded again for the machines."""

    def __init__(self, status: int, index: int, variables: Sequence[_VarBind]) -> None:
        self.status = status
        self.index = index
        self._found = ber.VarBinds([], [], [])
        for name, value in variables:
            encoded = bytes(encoder.encode(value))
            tag, start, end = ber.element(encoded, 0, len(encoded))
            self._found.oids.append(ber.encode_oid(str(name)))
            self._found.tags.append(tag)
            self._found.raws.append(encoded[start:end])
        self.size = 40 + sum(len(o) + len(r) + 6 for o, r in zip(self._found.oids, self._found.raws, strict=True))

    def varbinds(self) -> ber.VarBinds:
        return self._found

    def known(self, wants: Sequence[bytes], contents: int) -> list[ber.Cell] | None:  # noqa: ARG002
        found = self._found
        got = [want(oid, tag) for oid, tag in zip(found.oids, found.tags, strict=True)]
        return list(found.raws) if got == list(wants) else None


class PysnmpChannel(MachineChannel):
    """A channel that sends one request at a time."""

    def __init__(
        self,
        memory: DeviceMemory,
        shared: Shared,
        owner: PysnmpEngine,
        credential: Credential,
        link: DeviceLink,
        native: Channel,
    ) -> None:
        bulk = not (isinstance(credential, Community) and credential.version is Version.V1)
        super().__init__(memory, shared, bulk=bulk)
        self._owner = owner
        self._credential = credential
        self._link = link
        self._native = native
        self._answers = 0

    async def _run(self, machine: Machine, retries: int) -> None:
        await self._owner.target(self._credential, self._link)  # takes its time, which is not the device's
        while not machine.finished and (request := machine.next()) is not None:
            attempt = 0
            while not await self._exchange(machine, request, attempt, last=attempt >= retries):
                if attempt and self._answers:
                    request = machine.smaller(request) or request
                attempt += 1

    async def _exchange(self, machine: Machine, request: Request, attempt: int, *, last: bool) -> bool:
        """Return whether the machine took an answer in. Raises SnmpError for the last attempt's silence or damage."""
        link, now_s, permits = self._link, self._shared.now_s, self._owner.permits
        if now_s() >= link.ends_s:
            raise DeadlineExceeded(explain.deadline(link.endpoint, self._answers))
        await permits.packet(link, attempt)
        began = now_s()
        values, size, outcome = 0, 0, "timeout"
        try:
            async with asyncio.timeout(min(link.ends_s - began, permits.wait_s(link, attempt))):
                answer = await self._ask(request)
            size = answer.size
            values = machine.answered(request, answer, int((now_s() - link.opened_s) * 1000))
            outcome = "ok"
            self._answers += 1
            link.stats.values += values
        except TimeoutError:
            permits.counters.timeouts += 1
            if now_s() >= link.ends_s:
                raise DeadlineExceeded(explain.deadline(link.endpoint, self._answers)) from None
            if last:
                if isinstance(self._credential, UsmUser) and not self._answers:
                    await self._native.probe()  # tells a device that is silent from one that cannot decrypt
                raise NoAnswer(explain.no_answer(link.endpoint, attempt + 1)) from None
        except SnmpError as error:
            outcome = f"refused: {error}"
            permits.counters.damaged += isinstance(error, DamagedResponse)
            if last or not isinstance(error, DamagedResponse):
                raise
        finally:
            self._trace(request, attempt, (now_s() - began) * 1000, size, values, outcome)
        return outcome == "ok"

    async def _ask(self, request: Request) -> PysnmpAnswer:
        """Return the answer. Raises TimeoutError, AuthRefused, DamagedResponse."""
        link, permits = self._link, self._owner.permits
        for again in (True, False):
            target = await self._owner.target(self._credential, self._link)
            names = [(ObjectIdentifier(ber.decode_oid(name)), Null("")) for name in request.names]
            indication, status, index, variables = await _send(target, request, names)
            if indication is None:
                answer = PysnmpAnswer(int(status), int(index), variables)
                permits.came(link, answer.size)
                return answer
            if again and isinstance(indication, _OUT_OF_STEP):
                permits.came(link)
                self._owner.forget(self._credential, link)
                await permits.packet(link, 0)
                continue
            raise self._error(indication)
        raise DamagedResponse(explain.no_sync(self._link.endpoint))

    def _error(self, indication: errind.ErrorIndication) -> Exception:
        if isinstance(indication, errind.RequestTimedOut):
            return TimeoutError()
        if isinstance(indication, (*_REFUSED, *_OUT_OF_STEP)):
            self._owner.permits.came(self._link)
            self._owner.forget(self._credential, self._link)
            return AuthRefused(
                f"{self._credential}: {indication}: check the user's name, protocols and keys on the device"
            )
        return DamagedResponse(f"{self._link.endpoint}: {indication}")

    def _trace(self, request: Request, attempt: int, duration_ms: float, size: int, values: int, outcome: str) -> None:
        if self._link.trace is not None:
            self._link.trace(
                Exchanged(
                    self._link.endpoint,
                    "pysnmp",
                    PDU_NAMES[request.pdu],
                    ber.decode_oid(request.names[0]),
                    len(request.names),
                    request.repetitions,
                    len(request.tail),
                    size,
                    values,
                    duration_ms,
                    attempt,
                    self._memory.paging.response_bytes,
                    outcome,
                )
            )


async def _send(target: _Target, request: Request, names: Sequence[_VarBind]) -> _Found:
    """Return error indication, error-status, error-index, variables.

    Below pysnmp's high-level functions, which look every name up in MIB modules first.
    """
    done: asyncio.Future[_Found] = asyncio.get_running_loop().create_future()

    def answered(
        _engine: hlapi.SnmpEngine,
        _handle: int,
        indication: errind.ErrorIndication,
        status: Integer32,
        index: Integer32,
        variables: Sequence[_VarBind],
        _context: object,
    ) -> None:
        if not done.done():
            done.set_result((indication, status, index, variables))

    to = (target.engine, target.address_name, None, target.context_name)
    if request.pdu == GET_BULK:
        counts = (request.non_repeaters, request.repetitions)
        cmdgen.BulkCommandGenerator().send_varbinds(*to, *counts, names, answered, None)
    elif request.pdu == GET:
        cmdgen.GetCommandGenerator().send_varbinds(*to, names, answered, None)
    else:
        cmdgen.NextCommandGenerator().send_varbinds(*to, names, answered, None)
    return await done
