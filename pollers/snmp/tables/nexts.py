"""What follows some OIDs, by GETNEXT, as a machine: whether a device has anything below each of them.

Pure. RFC 3416 §4.2.2; RFC 1157 §4.1.3 for v1, which refuses a whole request where one name is the last of its view.
"""

from collections.abc import Sequence

from pollers.snmp.codec import ber
from pollers.snmp.codec.message import GET_NEXT, Answer, ErrorStatus, Request, request
from pollers.snmp.errors import DamagedResponse
from pollers.snmp.tables.machine import refusal
from pollers.snmp.tables.paging import Paging
from pollers.snmp.values import Oid, Type


class Nexts:
    """Asks for all OIDs at once, by halves where that is too much; `found` has the OID after each once finished."""

    def __init__(self, oids: Sequence[Oid], paging: Paging) -> None:
        """Raises ValueError for text that is not an OID."""
        self.found: list[Oid | None] = [None] * len(oids)  #: None = nothing follows
        self._names = [ber.encode_oid(oid) for oid in oids]
        self._paging = paging
        self._todo: list[list[int]] = [list(range(len(oids)))] if oids else []
        self._pages: list[list[int]] = []
        self._under_way = 0

    @property
    def finished(self) -> bool:
        return not self._todo and not self._under_way

    def next(self) -> Request | None:
        if not self._todo:
            return None
        self._under_way += 1
        return self._request(self._todo.pop())

    def _request(self, positions: list[int]) -> Request:
        self._pages.append(positions)
        return request(GET_NEXT, [self._names[p] for p in positions], page=len(self._pages) - 1)

    def answered(self, request: Request, answer: Answer, offset_ms: int) -> int:  # noqa: ARG002
        positions = self._pages[request.page]
        if answer.status != ErrorStatus.NO_ERROR:
            self._refused(positions, answer)
            self._under_way -= 1
            return 0
        found = answer.varbinds()
        if len(found) != len(positions):
            raise DamagedResponse("the response has another number of objects than were asked for")
        for position, name, tag in zip(positions, found.oids, found.tags, strict=True):
            self.found[position] = None if tag == Type.END_OF_MIB_VIEW else ber.decode_oid(name)
        self._under_way -= 1
        return len(positions)

    def _refused(self, positions: list[int], answer: Answer) -> None:
        """Ask again for what is left after an error-status. Raises SnmpError where one OID alone is refused."""
        at = answer.index - 1
        if answer.status == ErrorStatus.NO_SUCH_NAME and 0 <= at < len(positions):  # v1: nothing follows that one
            positions = positions[:at] + positions[at + 1 :]
            self._todo += [positions] if positions else []
        elif len(positions) > 1:
            half = len(positions) // 2
            self._todo += [positions[half:], positions[:half]]
        elif answer.status != ErrorStatus.NO_SUCH_NAME:
            raise refusal(answer.status, ber.decode_oid(self._names[positions[0]]))

    def smaller(self, request: Request) -> Request | None:
        positions = self._pages[request.page]
        if len(positions) == 1:
            return None
        self._paging.halve()
        half = len(positions) // 2
        self._todo.append(positions[half:])
        return self._request(positions[:half])
