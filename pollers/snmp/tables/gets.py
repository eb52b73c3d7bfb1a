"""State machines that read many OIDs by GET or GETNEXT, in pages; missing objects become values.

Pure. RFC 3416 §4.2.1 and §4.2.2; RFC 1157 §4.1.2 and §4.1.3 for v1, which refuses a whole request for one name that is
missing, or that is the last of its view.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from pollers.snmp.codec import ber
from pollers.snmp.codec.message import GET, GET_NEXT, ErrorStatus, Request, Response, request
from pollers.snmp.errors import DamagedResponse
from pollers.snmp.tables.machine import refusal
from pollers.snmp.tables.paging import Paging
from pollers.snmp.values import Oid, Type, Value

_VALUE_BYTES: Final = 24  #: a guess: headers of a variable and its value, without the name
_MOST_NAMES: Final = 60  #: in one request; agents with fixed tables of 64 exist
_MISSING: Final = Value(Type.NO_SUCH_OBJECT, None)
_BAD: Final = Value(Type.BAD_VALUE, None)


class _Names(ABC):
    """Asks for names in pages; a page that is refused or lost is asked for in halves, or without the name at fault."""

    def __init__(self, kind: int, names: Sequence[bytes], pages: Iterable[list[int]], paging: Paging) -> None:
        self._kind = kind  #: of request
        self._names = names
        self._paging = paging
        self._todo = deque(pages)  #: each the positions of its names
        self._pages: list[list[int]] = []  #: positions asked for, by page number
        self._under_way = 0

    @abstractmethod
    def _take(self, request: Request, positions: list[int], answer: Response) -> None:
        """Keep what the page says. Raises DamagedResponse."""

    @abstractmethod
    def _divides(self, status: int) -> bool:
        """Return whether halves of a page may succeed that is refused with this error-status."""

    @property
    def finished(self) -> bool:
        return not self._todo and not self._under_way

    def next(self) -> Request | None:
        if not self._todo:
            return None
        self._under_way += 1
        return self._request(self._todo.popleft())

    def _request(self, positions: list[int]) -> Request:
        self._pages.append(positions)
        return request(self._kind, [self._names[p] for p in positions], page=len(self._pages) - 1)

    def answered(self, request: Request, answer: Response, offset_ms: int) -> int:  # noqa: ARG002
        positions = self._pages[request.page]
        refused = answer.status != ErrorStatus.NO_ERROR
        if refused:
            self._refused(positions, answer)
        else:
            self._take(request, positions, answer)
        self._under_way -= 1
        return 0 if refused else len(positions)

    def _refused(self, positions: list[int], answer: Response) -> None:
        """Ask again for what is left of a page after an error-status. Raises SnmpError."""
        at = answer.index - 1
        named = 0 <= at < len(positions)
        if answer.status == ErrorStatus.NO_SUCH_NAME and named:  # v1: that one is missing, or nothing follows it
            rest = positions[:at] + positions[at + 1 :]
            if rest:
                self._todo.appendleft(rest)
        elif len(positions) > 1 and self._divides(answer.status):
            half = len(positions) // 2
            self._todo.extendleft((positions[half:], positions[:half]))
        elif answer.status != ErrorStatus.NO_SUCH_NAME:  # with one name left, that one is missing
            position = positions[at] if named else positions[0]
            raise refusal(answer.status, ber.decode_oid(self._names[position]))

    def smaller(self, request: Request) -> Request | None:
        positions = self._pages[request.page]
        if len(positions) == 1:
            return None
        self._paging.halve()
        half = len(positions) // 2
        self._todo.appendleft(positions[half:])
        return self._request(positions[:half])


class Gets(_Names):
    """Reads OIDs by GET, page by page; `values` has one value for each OID once finished."""

    def __init__(self, oids: Sequence[Oid], paging: Paging) -> None:
        """Raises ValueError for text that is not an OID."""
        names = [ber.encode_oid(oid) for oid in oids]
        super().__init__(GET, names, _pages(names, paging.response_bytes - 60), paging)
        self.values: list[Value] = [_MISSING] * len(oids)

    def _take(self, request: Request, positions: list[int], answer: Response) -> None:
        found = answer.varbinds()
        if found.oids != request.names:
            raise DamagedResponse("the response names other objects than were asked for")
        for position, tag, raw in zip(positions, found.tags, found.raws, strict=True):
            self.values[position] = _value(tag, raw)
        self._paging.good(answer.size)

    def _divides(self, status: int) -> bool:
        return status in {ErrorStatus.TOO_BIG, ErrorStatus.NO_SUCH_NAME}

    def _refused(self, positions: list[int], answer: Response) -> None:
        if answer.status == ErrorStatus.TOO_BIG and len(positions) > 1:
            self._paging.halve()
        super()._refused(positions, answer)


class Nexts(_Names):
    """Reads the successors of OIDs by GETNEXT; `found` has the OID after each once finished."""

    def __init__(self, oids: Sequence[Oid], paging: Paging) -> None:
        """Raises ValueError for text that is not an OID."""
        names = [ber.encode_oid(oid) for oid in oids]
        super().__init__(GET_NEXT, names, [list(range(len(names)))] if names else [], paging)
        self.found: list[Oid | None] = [None] * len(oids)  #: None = nothing follows

    def _take(self, request: Request, positions: list[int], answer: Response) -> None:  # noqa: ARG002
        found = answer.varbinds()
        if len(found) != len(positions):
            raise DamagedResponse("the response has another number of objects than were asked for")
        for position, name, tag in zip(positions, found.oids, found.tags, strict=True):
            self.found[position] = None if tag == Type.END_OF_MIB_VIEW else ber.decode_oid(name)

    def _divides(self, status: int) -> bool:  # noqa: ARG002
        return True


def _pages(names: Sequence[bytes], room: int) -> list[list[int]]:
    """Return the positions of the names in pages whose responses should fit into so many bytes."""
    pages: list[list[int]] = []
    left = 0
    for position, name in enumerate(names):
        size = len(name) + _VALUE_BYTES
        if not pages or left < size or len(pages[-1]) >= _MOST_NAMES:
            pages.append([])
            left = room
        pages[-1].append(position)
        left -= size
    return pages


def _value(tag: int, raw: bytes) -> Value:
    """Return the value, or one that says that it cannot be read: the others of its response are good."""
    try:
        return Value(*ber.decode_value(tag, raw))
    except DamagedResponse:
        return _BAD
