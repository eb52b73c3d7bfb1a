"""SNMP messages (RFC 3416 §3): prepared requests, v1 and v2c headers, and responses."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from pollers.snmp.codec import ber
from pollers.snmp.errors import DamagedResponse, SnmpError
from pollers.snmp.values import Type

GET: Final = 0xA0
GET_NEXT: Final = 0xA1
RESPONSE: Final = 0xA2
GET_BULK: Final = 0xA5
PDU_NAMES: Final = {GET: "get", GET_NEXT: "getnext", GET_BULK: "getbulk"}

REQUEST_ID_BYTES: Final = 4
REQUEST_ID_HEAD: Final = b"\x02\x04"
_LONG_FORM: Final = 0x80  #: from here on a length's first byte says how many others it has
#: what stands before a name of this length in a request's variable
_NAME_HEADS: Final = tuple(bytes((ber.SEQUENCE, size + 4, Type.OBJECT_IDENTIFIER, size)) for size in range(0x7C))
_LONG_FROM: Final = 0x140  #: above it, all three lengths of a response's header have two bytes, whatever the community
_TWO_BYTES: Final = 0x82
_LONG_SEQUENCE: Final = bytes((ber.SEQUENCE, _TWO_BYTES))
_NO_ERROR: Final = b"\x02\x01\x00\x02\x01\x00"  #: error-status and error-index
_NO_ERROR_LIST: Final = _NO_ERROR + _LONG_SEQUENCE
_NULL: Final = b"\x05\x00"


class ErrorStatus:
    """The error-status values of RFC 3416 §3 that are handled one by one."""

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


class Response(Protocol):
    """A response to one request, whichever engine carried it."""

    status: int  #: error-status
    index: int  #: error-index, from 1; 0 for the whole request
    size: int  #: bytes of the datagram, or an estimate where the engine does not tell

    def varbinds(self) -> ber.VarBinds: ...

    def known(self, wants: Sequence[bytes], contents: int) -> list[ber.Cell] | None:
        """Return the values if names and types are exactly as wanted, in order; None otherwise, or if in doubt.

        Of the first `contents` of them it is the contents, of the others a cell (`ber.cell`).
        """
        ...


class Request(NamedTuple):
    """One encoded PDU without its request id."""

    pdu: int  #: GET, GET_NEXT or GET_BULK
    names: Sequence[bytes]  #: what is asked for, contents of OIDs
    non_repeaters: int  #: GET_BULK only
    repetitions: int  #: GET_BULK only
    tail: bytes  #: the PDU's bytes that follow the request id
    page: int = 0  #: whatever its machine needs to know it again

    @property
    def asked(self) -> int:
        """Return the number of variables of a full response."""
        return self.non_repeaters + (len(self.names) - self.non_repeaters) * max(1, self.repetitions)


def request(
    pdu: int, names: Sequence[bytes], *, non_repeaters: int = 0, repetitions: int = 0, page: int = 0
) -> Request:
    """Build a request for these names (contents of OIDs)."""
    if names and max(map(len, names)) < len(_NAME_HEADS):
        variables = b"".join([_NAME_HEADS[len(name)] + name + _NULL for name in names])
    else:
        variables = b"".join([ber.tlv(ber.SEQUENCE, ber.tlv(Type.OBJECT_IDENTIFIER, name) + _NULL) for name in names])
    tail = ber.integer(non_repeaters) + ber.integer(repetitions) + ber.tlv(ber.SEQUENCE, variables)
    return Request(pdu, names, non_repeaters, repetitions, tail, page)


class Frame(Protocol):
    """Wraps PDUs in messages for one credential on one device."""

    version: int  #: as on the wire: 0 for v1, 1 for v2c, 3
    fits: bool  #: whether the device has answered to this very credential

    def message(self, asked: Request, request_id: bytes, now_s: float) -> bytes: ...

    def is_ours(self, data: bytes) -> bool:
        """Return whether a datagram with a known request id may be a response to this credential."""
        ...

    def answer(self, data: bytes, request_id: bytes, now_s: float) -> "WireAnswer":
        """Parse the response. Raises DamagedResponse; with v3 also Resync, AuthRefused, AgentError."""
        ...


class Resync(SnmpError):
    """The device has reported its engine id, boots and time: the request can be sent again at once (v3)."""


class CommunityFrame:
    """Version and community; one for all devices that share them."""

    __slots__ = ("_answer_mark", "_community", "_heads", "_start", "fits", "version")

    def __init__(self, version: int, community: bytes) -> None:
        """`version` as on the wire: 0 for v1, 1 for v2c."""
        self.version = version
        self._community = community
        self.fits = True  # silence tells nothing about a community
        self._start = ber.integer(version) + ber.tlv(Type.OCTET_STRING, community)
        self._answer_mark = self._start + bytes((RESPONSE,))  #: a response's bytes from version to PDU type
        self._heads: dict[tuple[int, int], bytes] = {}  #: what stands before the request id, by PDU and its size

    def message(self, asked: Request, request_id: bytes, now_s: float) -> bytes:  # noqa: ARG002
        key = (asked.pdu, len(asked.tail))
        if (head := self._heads.get(key)) is None:
            if len(self._heads) > 4096:
                self._heads.clear()
            size = len(asked.tail) + REQUEST_ID_BYTES + len(REQUEST_ID_HEAD)
            body = self._start + bytes((asked.pdu,)) + ber.length(size)
            head = bytes((ber.SEQUENCE,)) + ber.length(len(body) + size) + body + REQUEST_ID_HEAD
            self._heads[key] = head
        return head + request_id + asked.tail

    def is_ours(self, data: bytes) -> bool:
        if data.find(self._answer_mark, 2, 7 + len(self._answer_mark)) > 0:
            return True
        try:
            return self._pdu_at(data, *ber.expect(ber.SEQUENCE, data, 0, len(data))) > 0
        except DamagedResponse:
            return False

    def answer(self, data: bytes, request_id: bytes, now_s: float) -> "WireAnswer":  # noqa: ARG002
        """Check the header, and parse the response. Raises DamagedResponse."""
        if (size := len(data)) > _LONG_FROM and (found := self._long_answer(data, request_id, size)) is not None:
            return found
        start, stop = ber.expect(ber.SEQUENCE, data, 0, len(data))
        if stop != len(data):
            raise DamagedResponse(f"{len(data) - stop} bytes follow the message")
        if data.startswith(self._answer_mark, start):
            at = start + len(self._answer_mark) - 1
        else:
            at = self._pdu_at(data, start, stop)
        return read_answer(data, at, RESPONSE, request_id)

    def _pdu_at(self, data: bytes, start: int, end: int) -> int:
        """Return where the PDU begins, lengths in whatever form (X.690 §8.1.3). Raises DamagedResponse."""
        version_at, at = ber.expect(Type.INTEGER, data, start, end)
        community_at, pdu_at = ber.expect(Type.OCTET_STRING, data, at, end)
        same = data[version_at:at] == bytes((self.version,)) and data[community_at:pdu_at] == self._community
        if not same or data[pdu_at : pdu_at + 1] != bytes((RESPONSE,)):
            raise DamagedResponse("another version, community or kind of message")
        return pdu_at

    def _long_answer(self, data: bytes, request_id: bytes, size: int) -> "WireAnswer | None":
        """Return a response without error whose lengths have two bytes, as full pages have; None for any other."""
        mark = self._answer_mark
        pdu = 4 + len(mark)
        at = pdu + 19
        if (
            data[:2] == _LONG_SEQUENCE
            and data.startswith(mark, 4)
            and data[pdu] == _TWO_BYTES
            and data[pdu + 3 : at - 2] == REQUEST_ID_HEAD + request_id + _NO_ERROR_LIST
            and int.from_bytes(data[2:4]) == size - 4
            and int.from_bytes(data[pdu + 1 : pdu + 3]) == size - pdu - 3
            and int.from_bytes(data[at - 2 : at]) == size - at
        ):
            return WireAnswer(data, at)
        return None

    def __repr__(self) -> str:
        return f"CommunityFrame(version={self.version}, community=<secret>)"


def request_id_at(data: bytes) -> int:
    """Return the position of a datagram's request id (v3: message id), or -1 where it cannot be a response to us."""
    try:
        size = data[1]
        version = 2 if size < 0x80 else 2 + (size & 0x7F)
        if data[version + 1] != 1 or data[version + 4] >= 0x80:
            return _strict_request_id_at(data)
        if data[version + 3] == ber.SEQUENCE:  # v3: the header with the message id
            at = version + 7
        else:
            pdu = version + 5 + data[version + 4]
            size = data[pdu + 1]
            at = pdu + (4 if size < 0x80 else 4 + (size & 0x7F))
        if data[at - 2 : at] == REQUEST_ID_HEAD and len(data) >= at + REQUEST_ID_BYTES:
            return at
        return _strict_request_id_at(data)
    except IndexError:
        return -1


def _strict_request_id_at(data: bytes) -> int:
    """Return the same where a length has more bytes than need be, as BER allows (X.690 §8.1.3.5)."""
    try:
        start, end = ber.expect(ber.SEQUENCE, data, 0, len(data))
        _, at = ber.expect(Type.INTEGER, data, start, end)
        tag, start, stop = ber.element(data, at, end)
        if tag != ber.SEQUENCE:  # a community, and the PDU behind it
            _, start, stop = ber.element(data, stop, end)
        start, stop = ber.expect(Type.INTEGER, data, start, stop)
    except DamagedResponse:
        return -1
    return start if stop - start == REQUEST_ID_BYTES else -1


def read_answer(data: bytes, at: int, kind: int, request_id: bytes) -> "WireAnswer":
    """Parse the PDU of this kind at `at`, which must end with the data. Raises DamagedResponse.

    An empty request_id stands for any: a report need not repeat it.
    """
    end = len(data)
    at, stop = ber.expect(kind, data, at, end)
    if stop != end:
        raise DamagedResponse("the PDU ends before the message")
    if data[at : at + 6] == REQUEST_ID_HEAD + request_id:
        at += 6
    else:
        start, at = ber.expect(Type.INTEGER, data, at, end)
        if request_id and data[start:at] != request_id:
            raise DamagedResponse("another request id")
    status = index = 0
    if data[at : at + 6] == _NO_ERROR:
        at += 6
    else:
        status, at = ber.expect_integer(data, at, end)
        index, at = ber.expect_integer(data, at, end)
    at, stop = ber.expect(ber.SEQUENCE, data, at, end)
    if stop != end:
        raise DamagedResponse("the list of variables ends before the message")
    return WireAnswer(data, at, status, index)


class WireAnswer:
    """A received response with its header parsed; its variables are decoded on demand."""

    __slots__ = ("_at", "_data", "_end", "index", "size", "status")

    def __init__(self, data: bytes, at: int, status: int = 0, index: int = 0) -> None:
        """`at` is where the variables begin; they end with the data."""
        self._data = data
        self._at = at
        self._end = self.size = len(data)
        self.status = status
        self.index = index

    def varbinds(self) -> ber.VarBinds:
        """Decode the variables. Raises DamagedResponse."""
        return ber.fast_varbinds(self._data, self._at, self._end)

    def known(self, wants: Sequence[bytes], contents: int) -> list[ber.Cell] | None:
        """Return the wanted variables; names and types are compared as bytes, without decoding."""
        data, at = self._data, self._at
        cells: list[ber.Cell] = []
        try:
            for number, want in enumerate(wants):
                name = at + 2
                value = name + len(want)
                start = value + 1
                stop = start + data[value]
                size = data[at + 1]
                if data[at] != ber.SEQUENCE or size != stop - name or size >= _LONG_FORM or data[name:value] != want:
                    return None
                cells.append(ber.cell(data, data[value - 1], start, stop) if number >= contents else data[start:stop])
                at = stop
        except IndexError:
            return None
        return cells if at == self._end else None


def want(name: bytes, tag: int) -> bytes:
    """Return the bytes of a variable from its name to its value's tag, as `Response.known` compares them."""
    return ber.tlv(Type.OBJECT_IDENTIFIER, name) + bytes((tag,))
