"""The gufo engine: SNMPv3 scalars and known rows by gufo-snmp, which is written in Rust.

gufo gives plain Python values: it does not tell Counter32 from Counter64 or Gauge32, has no GETBULK over several
columns, and may take an error for the end of a walk. So what is asked for the first time, and every walk, goes by the
native engine, which tells the types; gufo then reads what is known. It opens a socket for each session.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from gufo.snmp import user as gufo_user
from gufo.snmp._fast import SnmpAuthError, SnmpDecodeError  # gufo exports them nowhere else
from gufo.snmp._fast import SnmpError as GufoError
from gufo.snmp.aio import SnmpSession
from gufo.snmp.version import SnmpVersion

from pollers.snmp.codec import ber
from pollers.snmp.codec.usm_keys import AUTHS, stretched
from pollers.snmp.credentials import AuthProtocol, Community, Credential, PrivProtocol, UsmUser, Version
from pollers.snmp.device import explain
from pollers.snmp.device.channel import Channel, Shared
from pollers.snmp.device.link import Link
from pollers.snmp.device.memory import Memory
from pollers.snmp.errors import AuthRefused, DamagedResponse, DeadlineExceeded, NoAnswer
from pollers.snmp.tables.rowset import RowSet, parts_of, told_now, unchanged
from pollers.snmp.trace import Exchanged
from pollers.snmp.values import Column, Data, Oid, Table, Type, Value
from pollers.snmp.wire.permits import Permits

_Found: TypeAlias = Mapping[str, int | float | str | bytes | None]

_LONGEST_REPLY_BYTES: Final = 4080  #: a longer one fails to decode
_NAMES_MOST: Final = 50
_VALUE_BYTES: Final = 40
_TYPES_MOST: Final = 100_000
_MISSING: Final = Value(Type.NO_SUCH_INSTANCE, None)
_AUTH_KEYS: Final = {
    AuthProtocol.MD5: gufo_user.Md5Key,
    AuthProtocol.SHA1: gufo_user.Sha1Key,
    AuthProtocol.SHA224: gufo_user.Sha224Key,
    AuthProtocol.SHA256: gufo_user.Sha256Key,
    AuthProtocol.SHA384: gufo_user.Sha384Key,
    AuthProtocol.SHA512: gufo_user.Sha512Key,
}
_PRIV_KEYS: Final = {
    PrivProtocol.DES: gufo_user.DesKey,
    PrivProtocol.AES128: gufo_user.Aes128Key,
    PrivProtocol.AES192: gufo_user.Aes192Key,
    PrivProtocol.AES256: gufo_user.Aes256Key,
    PrivProtocol.AES192_REEDER: gufo_user.Aes192Key,
    PrivProtocol.AES256_REEDER: gufo_user.Aes256Key,
}
_REEDER: Final = {PrivProtocol.AES192_REEDER, PrivProtocol.AES256_REEDER}


def lacks(credential: Credential) -> bool:
    """Return whether gufo cannot speak with this credential: 3DES, a context, or a community that is not UTF-8."""
    if isinstance(credential, Community):
        return any("\ud800" <= letter <= "\udfff" for letter in credential.community.reveal())
    return credential.priv_protocol is PrivProtocol.TRIPLE_DES or bool(credential.context)


class GufoEngine:
    """Makes channels; one a worker. It knows the types of scalars that were asked for before."""

    def __init__(self, shared: Shared, permits: Permits) -> None:
        self.types: dict[Oid, Type] = {}
        self._shared = shared
        self._permits = permits

    def channel(self, memory: Memory, credential: Credential, link: Link, native: Channel) -> "GufoChannel":
        asking = _Asking(credential, link, self._shared, native, self._permits)
        return GufoChannel(memory, self._shared, asking, native, self.types)


def _user(user: UsmUser) -> gufo_user.User:
    """Return the user with stretched keys: gufo would spend two milliseconds on that in every session."""
    if user.auth_protocol is AuthProtocol.NONE:
        return gufo_user.User(user.name)
    hash_name = AUTHS[user.auth_protocol].hash
    master = gufo_user.KeyType.Master
    auth_key = _AUTH_KEYS[user.auth_protocol](stretched(user.auth_key, hash_name), key_type=master)
    priv_key = None
    if user.priv_protocol is not PrivProtocol.NONE:
        priv_key = _PRIV_KEYS[user.priv_protocol](stretched(user.priv_key, hash_name), key_type=master)
    expansion = gufo_user.KeyExpansion
    how = expansion.Cisco if user.priv_protocol in _REEDER else expansion.Blumenthal
    return gufo_user.User(user.name, auth_key=auth_key, priv_key=priv_key, key_expansion=how)


class _Asking:
    """One gufo session, with the retries, statistics and errors that gufo leaves to its caller."""

    def __init__(self, credential: Credential, link: Link, shared: Shared, native: Channel, permits: Permits) -> None:
        self._credential = credential
        self._link = link
        self._shared = shared
        self._native = native
        self._permits = permits
        self._session: SnmpSession | None = None
        self.answers = 0
        self.opened_s = link.opened_s

    def _open(self) -> SnmpSession:
        host, port = self._link.address[:2]
        timeout_s = self._shared.limits.timeout_s
        if isinstance(self._credential, Community):
            version = SnmpVersion.v1 if self._credential.version is Version.V1 else SnmpVersion.v2c
            community = self._credential.community.reveal()
            return SnmpSession(host, port, community=community, version=version, timeout=timeout_s)
        return SnmpSession(host, port, user=_user(self._credential), timeout=timeout_s)

    async def get_many(self, oids: Sequence[Oid]) -> _Found:
        """Return what the device has of the OIDs: by halves where it gives nothing, which may have been a tooBig.

        Raises NoAnswer, DeadlineExceeded, AuthRefused, DamagedResponse.
        """
        try:
            found = await self._ask(oids)
        except DamagedResponse:
            if len(oids) == 1:
                raise
            found = {}
        if found or len(oids) == 1:
            return found
        half = len(oids) // 2
        return {**await self.get_many(oids[:half]), **await self.get_many(oids[half:])}

    async def _ask(self, oids: Sequence[Oid]) -> _Found:
        link, limits, now_s, permits = self._link, self._shared.limits, self._shared.now_s, self._permits
        for attempt in range(limits.retries + 1):
            if now_s() >= link.ends_s:
                raise DeadlineExceeded(explain.deadline(link.endpoint, self.answers))
            await permits.packet(link, attempt)
            began = now_s()
            try:
                async with asyncio.timeout(min(link.ends_s - began, permits.wait_s(attempt))):
                    found = await self._once(oids)
            except TimeoutError:  # a refused port too
                permits.counters.timeouts += 1
                self._trace(oids, attempt, (now_s() - began) * 1000, 0, "timeout")
                continue
            except SnmpAuthError:
                permits.came(link)
                self._session = None
                raise AuthRefused(explain.v3_refused(link.endpoint, str(self._credential))) from None
            except (SnmpDecodeError, GufoError) as error:
                permits.came(link)
                permits.counters.damaged += 1
                raise DamagedResponse(explain.damaged(link.endpoint, str(error))) from None
            self.answers += 1
            permits.came(link)
            link.stats.values += len(found)
            self._trace(oids, attempt, (now_s() - began) * 1000, len(found), "ok")
            return found
        if isinstance(self._credential, UsmUser) and not self.answers:
            await self._native.probe()  # tells a device that is silent from one that cannot decrypt
        raise NoAnswer(explain.no_answer(link.endpoint, limits.retries + 1))

    async def _once(self, oids: Sequence[Oid]) -> _Found:
        if self._session is None:
            opened = self._open()
            await opened.refresh()
            self._session = opened
        found: _Found = await self._session.get_many(oids)
        return found

    def _trace(self, oids: Sequence[Oid], attempt: int, duration_ms: float, values: int, outcome: str) -> None:
        if self._link.trace is not None:
            size = values * _VALUE_BYTES
            record = (
                "get",
                oids[0],
                len(oids),
                0,
                0,
                size,
                values,
                duration_ms,
                attempt,
                _LONGEST_REPLY_BYTES,
                outcome,
            )
            self._link.trace(Exchanged(self._link.endpoint, "gufo", *record))


class GufoChannel:
    def __init__(
        self, memory: Memory, shared: Shared, asking: _Asking, native: Channel, types: dict[Oid, Type]
    ) -> None:
        self._memory = memory
        self._shared = shared
        self._asking = asking
        self._native = native
        self._types = types

    async def probe(self) -> None:
        await self._native.probe()

    async def get_many(self, oids: Sequence[Oid]) -> list[Value]:
        values: dict[Oid, Value] = {}
        unknown = [oid for oid in oids if oid not in self._types]
        if unknown:
            values.update(zip(unknown, await self._native.get_many(unknown), strict=True))
            self._learn(values)
        known = [oid for oid in oids if oid not in values]
        found = await self._read(known)
        surprising: list[Oid] = []
        for oid in known:
            value = _typed(self._types[oid], found[oid]) if oid in found else _MISSING
            if value is None:
                surprising.append(oid)
            else:
                values[oid] = value
        if surprising:  # of another type than before, on this device
            values.update(zip(surprising, await self._native.get_many(surprising), strict=True))
        return [values[oid] for oid in oids]

    def _learn(self, values: Mapping[Oid, Value]) -> None:
        if len(self._types) > _TYPES_MOST:
            self._types.clear()
        self._types.update((oid, value.type) for oid, value in values.items() if value.exists)

    async def _read(self, oids: Sequence[Oid]) -> _Found:
        size = max(1, min(_NAMES_MOST, self._memory.paging.response_bytes // _VALUE_BYTES))
        found: dict[Oid, Any] = {}
        for first in range(0, len(oids), size):
            found.update(await self._asking.get_many(oids[first : first + size]))
        return found

    async def following(self, oids: Sequence[Oid]) -> list[Oid | None]:
        return await self._native.following(oids)

    async def walk(self, columns: Sequence[Oid]) -> Table:
        return await self._native.walk(columns)

    async def table(self, columns: Sequence[Oid]) -> Table:
        names = tuple([ber.encode_oid(column) for column in columns])
        known = self._memory.row_sets.get(names)
        if known is not None and self._shared.now_s() - known.learnt_at_s < self._shared.limits.row_set_age_s:
            table = await self._ask_known(names, columns, known)
            if table is not None:
                return table
            self._memory.row_sets.pop(names, None)
        return await self._native.table(columns)

    async def _ask_known(self, names: tuple[bytes, ...], columns: Sequence[Oid], known: RowSet) -> Table | None:
        """Return the table by its learnt rows, or None where a fresh walk is due."""
        rows = [ber.dotted(suffix) for suffix in parts_of(known.rows)]
        guards = [ber.decode_oid(name + b"\x00") for name in known.guards]
        width = len(columns)
        tags = known.tags * len(rows) if len(known.tags) == width else known.tags
        wanted = [[f"{column}.{row}" for row in rows] for column in columns]
        by_row = [oid for row in zip(*wanted, strict=True) for oid in row]
        opened_s, began_s = self._asking.opened_s, self._shared.now_s()
        try:
            found = await self._read([*guards, *(oid for oid, tag in zip(by_row, tags, strict=True) if tag)])
        except DamagedResponse:
            return None
        now = [_unsigned(found.get(guard)) for guard in guards]
        if None in now or not unchanged(known, [value for value in now if value is not None]):
            return None
        made = []
        for position, column in enumerate(columns):
            kinds = tags[position::width]
            data = _cells(wanted[position], kinds, found)
            if data is None:
                return None
            made.append(Column(column, bytearray(kinds), data))
        self._memory.row_sets[names] = told_now(known, now[0] or b"\x00")
        offset_ms = int((began_s - opened_s) * 1000)
        return Table(rows, made, [offset_ms] * len(rows))


def _cells(oids: Sequence[Oid], tags: bytes, found: _Found) -> list[Data] | None:
    """Return a column's data, or None where a cell is missing or of another type than it was."""
    data: list[Data] = []
    for oid, tag in zip(oids, tags, strict=True):
        value = _typed(Type(tag), found[oid]) if tag and oid in found else None
        if tag and value is None:
            return None
        data.append(value.data if value is not None else None)
    return data


def _typed(kind: Type, plain: float | str | bytes | None) -> Value | None:
    """Return the value with the type that it had before, or None where the plain value cannot have it."""
    if kind in {Type.OPAQUE, Type.OPAQUE_FLOAT, Type.OPAQUE_DOUBLE}:
        return Value(*ber.decode_value(Type.OPAQUE, plain)) if isinstance(plain, bytes) else None
    if kind is Type.IP_ADDRESS:
        return Value(kind, bytes(map(int, plain.split(".")))) if isinstance(plain, str) else None
    plain_types: dict[Type, type] = {Type.OCTET_STRING: bytes, Type.OBJECT_IDENTIFIER: str, Type.NULL: type(None)}
    expected = plain_types.get(kind, int)
    return Value(kind, plain) if isinstance(plain, expected) else None


def _unsigned(plain: object) -> bytes | None:
    """Return a guard's number as it stands on the wire, to be compared with what was learnt."""
    if not isinstance(plain, int) or plain < 0:
        return None
    return plain.to_bytes(plain.bit_length() // 8 + 1)
