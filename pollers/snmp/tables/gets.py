"""Many OIDs by GET, as a machine: in pages, with what the device lacks as values.

Pure. RFC 3416 §4.2.1; RFC 1157 §4.1.2 for v1, which refuses a whole request for one missing name.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from pollers.snmp.codec import ber
from pollers.snmp.codec.message import GET, ErrorStatus, Request, Response, request
from pollers.snmp.errors import DamagedResponse
from pollers.snmp.tables.machine import refusal
from pollers.snmp.tables.paging import Paging
from pollers.snmp.values import Oid, Type, Value

_VALUE_BYTES: Final = 24  #: a guess: headers of a variable and its value, without the name
_MOST_NAMES: Final = 60  #: in one request; agents with fixed tables of 64 exist
_MISSING: Final = Value(Type.NO_SUCH_OBJECT, None)
_BAD: Final = Value(Type.BAD_VALUE, None)


class Gets:
    """Asks for the OIDs in order of pages; `values` has one value per OID once finished."""

    def __init__(self, oids: Sequence[Oid], paging: Paging) -> None:
        """Raises ValueError for text that is not an OID."""
        self.values: list[Value] = [_MISSING] * len(oids)
        self._names = [ber.encode_oid(oid) for oid in oids]
        self._paging = paging
        self._todo: deque[list[int]] = deque()
        self._pages: list[list[int]] = []  #: positions asked for, by page number
        self._under_way = 0
        self._plan()

    def _plan(self) -> None:
        """Cut the names into pages whose responses should fit."""
        page: list[int] = []
        room = self._paging.response_bytes - 60
        left = room
        for position, name in enumerate(self._names):
            size = len(name) + _VALUE_BYTES
            if page and (left < size or len(page) >= _MOST_NAMES):
                self._todo.append(page)
                page, left = [], room
            page.append(position)
            left -= size
        if page:
            self._todo.append(page)

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
        return request(GET, [self._names[p] for p in positions], page=len(self._pages) - 1)

    def answered(self, request: Request, answer: Response, offset_ms: int) -> int:  # noqa: ARG002
        positions = self._pages[request.page]
        if answer.status != ErrorStatus.NO_ERROR:
            self._refused(positions, answer)
            self._under_way -= 1
            return 0
        found = answer.varbinds()
        if found.oids != request.names:
            raise DamagedResponse("the response names other objects than were asked for")
        for position, tag, raw in zip(positions, found.tags, found.raws, strict=True):
            self.values[position] = _value(tag, raw)
        self._paging.good(answer.size)
        self._under_way -= 1
        return len(positions)

    def _refused(self, positions: list[int], answer: Response) -> None:
        """Ask again for what is left of a page after an error-status. Raises SnmpError."""
        at = answer.index - 1
        if answer.status == ErrorStatus.TOO_BIG and len(positions) > 1:
            self._paging.halve()
            half = len(positions) // 2
            self._todo.extendleft((positions[half:], positions[:half]))
        elif answer.status == ErrorStatus.NO_SUCH_NAME and 0 <= at < len(positions):  # v1: the named one is missing
            rest = positions[:at] + positions[at + 1 :]
            if rest:
                self._todo.appendleft(rest)
        elif answer.status == ErrorStatus.NO_SUCH_NAME:  # which one is missing is not said: the last one left is
            half = len(positions) // 2
            self._todo.extendleft(part for part in (positions[half:], positions[:half]) if half)
        else:
            position = positions[at] if 0 <= at < len(positions) else positions[0]
            raise refusal(answer.status, ber.decode_oid(self._names[position]))

    def smaller(self, request: Request) -> Request | None:
        positions = self._pages[request.page]
        if len(positions) == 1:
            return None
        self._paging.halve()
        half = len(positions) // 2
        self._todo.appendleft(positions[half:])
        return self._request(positions[:half])


def _value(tag: int, raw: bytes) -> Value:
    """Return the value, or one that says that it cannot be read: the others of its response are good."""
    try:
        return Value(*ber.decode_value(tag, raw))
    except DamagedResponse:
        return _BAD
