"""SNMP v1/v2c messages (RFC 3416 §3): requests as prepared bytes, to which an id is given, and a response's header."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from pollers.snmp import ber
from pollers.snmp.errors import DamagedResponse
from pollers.snmp.values import Type

GET: Final = 0xA0
GET_NEXT: Final = 0xA1
RESPONSE: Final = 0xA2
GET_BULK: Final = 0xA5
PDU_NAMES: Final = {GET: "get", GET_NEXT: "getnext", GET_BULK: "getbulk"}

REQUEST_ID_BYTES: Final = 4
_REQUEST_ID_HEAD: Final = b"\x02\x04"
_NULL: Final = b"\x05\x00"


class ErrorStatus:
    """RFC 3416 §3, those that are treated one by one."""

    NO_ERROR: Final = 0
    TOO_BIG: Final = 1
    NO_SUCH_NAME: Final = 2
    GEN_ERR: Final = 5
    NO_ACCESS: Final = 6
    RESOURCE_UNAVAILABLE: Final = 13
    AUTHORIZATION_ERROR: Final = 16


STATUS_NAMES: Final = {
    1: "tooBig", 2: "noSuchName", 3: "badValue", 4: "readOnly", 5: "genErr", 6: "noAccess", 7: "wrongType",
    8: "wrongLength", 9: "wrongEncoding", 10: "wrongValue", 11: "noCreation", 12: "inconsistentValue",
    13: "resourceUnavailable", 14: "commitFailed", 15: "undoFailed", 16: "authorizationError", 17: "notWritable",
    18: "inconsistentName",
}  # fmt: skip


class Answer(Protocol):
    """A response to one request, whichever engine carried it."""

    status: int  #: error-status
    index: int  #: error-index, from 1; 0 for the whole request
    size: int  #: bytes of the datagram, or an estimate where the engine does not tell

    def varbinds(self) -> ber.VarBinds: ...

    def known(self, wants: Sequence[bytes]) -> list[bytes] | None:
        """Return each value's contents where names and types are exactly as wanted, in order; None otherwise."""
        ...


class Request(NamedTuple):
    """One PDU, ready but for its request id."""

    pdu: int  #: GET, GET_NEXT or GET_BULK
    names: Sequence[bytes]  #: what is asked for, contents of OIDs
    non_repeaters: int  #: GET_BULK only
    repetitions: int  #: GET_BULK only
    tail: bytes  #: the PDU's bytes that follow the request id
    page: int = 0  #: whatever its machine needs to know it again

    @property
    def asked(self) -> int:
        """Return how many variables a full response has."""
        return self.non_repeaters + (len(self.names) - self.non_repeaters) * max(1, self.repetitions)


def request(
    pdu: int, names: Sequence[bytes], *, non_repeaters: int = 0, repetitions: int = 0, page: int = 0
) -> Request:
    """Return a request for these names (contents of OIDs)."""
    variables = b"".join([ber.tlv(ber.SEQUENCE, ber.tlv(Type.OBJECT_IDENTIFIER, name) + _NULL) for name in names])
    tail = ber.integer(non_repeaters) + ber.integer(repetitions) + ber.tlv(ber.SEQUENCE, variables)
    return Request(pdu, names, non_repeaters, repetitions, tail, page)


class Frame:
    """What stands around every PDU of one credential: version and community."""

    __slots__ = ("_heads", "_start", "answer_mark", "version")

    def __init__(self, version: int, community: bytes) -> None:
        """`version` as on the wire: 0 for v1, 1 for v2c. Raises ValueError for a community above 127 bytes."""
        if len(community) > 127:
            raise ValueError("a community may have up to 127 bytes")
        self.version = version
        self._start = ber.integer(version) + ber.tlv(Type.OCTET_STRING, community)
        #: a response's bytes from version to PDU type
        self.answer_mark = self._start + bytes((RESPONSE,))
        self._heads: dict[tuple[int, int], bytes] = {}

    def head(self, pdu: int, tail_size: int) -> bytes:
        """Return the bytes that stand before the request id's four."""
        key = (pdu, tail_size)
        if (known := self._heads.get(key)) is None:
            if len(self._heads) > 4096:
                self._heads.clear()
            size = tail_size + REQUEST_ID_BYTES + len(_REQUEST_ID_HEAD)
            body = self._start + bytes((pdu,)) + ber.length(size)
            known = bytes((ber.SEQUENCE,)) + ber.length(len(body) + size) + body + _REQUEST_ID_HEAD
            self._heads[key] = known
        return known

    def __repr__(self) -> str:
        return f"Frame(version={self.version}, community=<secret>)"


def request_id_at(data: bytes) -> int:
    """Return where a datagram's four bytes of request id are, or -1 where it cannot be a response to us."""
    try:
        size = data[1]
        version = 2 if size < 0x80 else 2 + (size & 0x7F)
        pdu = version + 5 + data[version + 4]
        size = data[pdu + 1]
        at = pdu + (4 if size < 0x80 else 4 + (size & 0x7F))
        return at if data[at - 2 : at] == _REQUEST_ID_HEAD and len(data) >= at + REQUEST_ID_BYTES else -1
    except IndexError:
        return -1


class WireAnswer:
    """A response as it came off the wire; the variables are decoded when they are asked for."""

    __slots__ = ("_at", "_data", "index", "size", "status")

    def __init__(self, data: bytes, mark: bytes) -> None:
        """Check the header against the mark of the request's Frame. Raises DamagedResponse."""
        end = self.size = len(data)
        start, stop = ber.expect(ber.SEQUENCE, data, 0, end)
        if stop != end:
            raise DamagedResponse(f"{end - stop} bytes follow the message")
        if not data.startswith(mark, start):
            raise DamagedResponse("another version, community or kind of message")
        at, stop = ber.expect(RESPONSE, data, start + len(mark) - 1, end)
        if stop != end:
            raise DamagedResponse("the PDU ends before the message")
        at += len(_REQUEST_ID_HEAD) + REQUEST_ID_BYTES
        if data[at : at + 6] == b"\x02\x01\x00\x02\x01\x00":
            self.status = self.index = 0
            at += 6
        else:
            self.status, at = ber.expect_integer(data, at, end)
            self.index, at = ber.expect_integer(data, at, end)
        self._at, stop = ber.expect(ber.SEQUENCE, data, at, end)
        if stop != end:
            raise DamagedResponse("the list of variables ends before the message")
        self._data = data

    def varbinds(self) -> ber.VarBinds:
        """Return the variables. Raises DamagedResponse."""
        return ber.fast_varbinds(self._data, self._at, self.size)

    def known(self, wants: Sequence[bytes]) -> list[bytes] | None:
        """Return the contents of the wanted variables: names are compared, not decoded, and types with them."""
        data, at, end = self._data, self._at, self.size
        raws: list[bytes] = []
        add = raws.append
        try:
            for want in wants:
                name = at + 2
                value = name + len(want)
                stop = value + 1 + data[value]
                if (
                    data[name:value] != want
                    or data[at + 1] != stop - name
                    or stop - name > 0x7F
                    or data[at] != ber.SEQUENCE
                ):
                    return None
                add(data[value + 1 : stop])
                at = stop
        except IndexError:
            return None
        return raws if at == end else None


def want(name: bytes, tag: int) -> bytes:
    """Return the bytes of a variable from its name to its value's tag, as `Answer.known` compares them."""
    return ber.tlv(Type.OBJECT_IDENTIFIER, name) + bytes((tag,))
