"""Writes recordings of devices, and answers requests from them as the device would."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from pollers.profiles.authoring.recorded_lines import Entry, Odd, Recording, RecordingError, read_lines
from pollers.snmp.client import Stats
from pollers.snmp.values import Column, Oid, SnmpTable, Type, Value

__all__ = ["Entry", "Odd", "RecordedSession", "Recording", "RecordingError", "read_lines", "read_recording"]

#: bytes of bindings that go into one response, and what one binding takes besides its value
_RESPONSE_BYTES: Final = 1_400
_BINDING_BYTES: Final = 8
#: scalars per GET
_GET_SIZE: Final = 40


def read_recording(text: str, file: str) -> list[Entry]:
    """Return the entries of a recording in order. Raises RecordingError where every line of it is odd."""
    return read_lines(text, file).entries


def write_snmprec(entries: Iterable[Entry]) -> str:
    """Return the recording as .snmprec text, octets always in hexadecimal."""
    return "".join(f"{oid}|{_written(value)}\n" for oid, value in entries)


def _written(value: Value) -> str:
    if isinstance(value.data, bytes):
        return f"{value.type:d}x|{value.data.hex()}"
    return f"{value.type:d}|{'' if value.data is None else value.data}"


def arcs_of(oid: str) -> tuple[int, ...]:
    return tuple(map(int, oid.split(".")))


class RecordedSession:
    """A session that answers from a recording, and counts the packets that a real device would have got."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.stats = Stats()
        self._entries = list(entries)
        self._values: Mapping[Oid, Value] = dict(self._entries)
        self._sorted = sorted(self._values, key=arcs_of)

    @property
    def entries(self) -> list[Entry]:
        return self._entries

    def has(self, oid: Oid) -> bool:
        return self._value(oid) is not None

    @property
    def unreachable_since_ms(self) -> int | None:
        return None

    async def get(self, oid: Oid) -> Value:
        return (await self.get_many([oid]))[0]

    async def get_many(self, oids: Sequence[Oid]) -> list[Value]:
        packets = -(-len(oids) // _GET_SIZE)
        self._count(packets, len(oids))
        return [self._value(oid) or Value(Type.NO_SUCH_INSTANCE, None) for oid in oids]

    async def following(self, oids: Sequence[Oid]) -> list[Oid | None]:
        self._count(1, len(oids))
        return [self._next(oid) for oid in oids]

    async def walk(self, columns: Sequence[Oid]) -> SnmpTable:
        """Return the columns' rows in the order of their indexes."""
        cells = {column: dict(self._under(column)) for column in columns}
        rows = sorted({row for found in cells.values() for row in found}, key=arcs_of)
        table = SnmpTable(
            rows,
            [
                Column(
                    column,
                    bytearray(found[row].type if row in found else 0 for row in rows),
                    [found[row].data if row in found else None for row in rows],
                )
                for column, found in cells.items()
            ],
            [0] * len(rows),
        )
        size = sum(_size(column, row, value) for column, found in cells.items() for row, value in found.items())
        self._count(1 + size // _RESPONSE_BYTES, sum(map(len, cells.values())))
        return table

    async def table(self, columns: Sequence[Oid]) -> SnmpTable:
        return await self.walk(columns)

    def _value(self, oid: Oid) -> Value | None:
        return self._values.get(oid)

    def _next(self, oid: Oid) -> Oid | None:
        place = bisect_right(self._sorted, arcs_of(oid), key=arcs_of)
        return self._sorted[place] if place < len(self._sorted) else None

    def _under(self, column: Oid) -> Iterator[tuple[str, Value]]:
        prefix = arcs_of(column)
        at = bisect_left(self._sorted, prefix, key=arcs_of)
        at += at < len(self._sorted) and self._sorted[at] == column
        while at < len(self._sorted) and (oid := self._sorted[at]).startswith(f"{column}."):
            yield oid[len(column) + 1 :], self._values[oid]
            at += 1

    def _count(self, packets: int, values: int) -> None:
        self.stats.packets_sent += packets
        self.stats.packets_received += packets
        self.stats.values += values


def _size(column: Oid, row: str, value: Value) -> int:
    """Return about how many bytes a binding takes on the wire."""
    data = value.data
    length = len(data) if isinstance(data, bytes | str) else 4
    return _BINDING_BYTES + column.count(".") + row.count(".") + length
