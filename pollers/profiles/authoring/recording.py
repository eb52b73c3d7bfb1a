"""Recordings of devices: .snmprec files and the output of `snmpwalk -On` or `-Oxn`, read, written and answered from."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from pollers.profiles.loading.section import as_oid
from pollers.snmp.client import Stats
from pollers.snmp.values import Column, Data, Oid, SnmpTable, Type, Value
from schemas.errors import PanoptesError

#: bytes of bindings that go into one response, and what one binding takes besides its value
_RESPONSE_BYTES: Final = 1_400
_BINDING_BYTES: Final = 8
#: scalars per GET
_GET_SIZE: Final = 40

Entry = tuple[Oid, Value]


class RecordingError(PanoptesError):
    """A line that is neither .snmprec nor snmpwalk; the text names file and line."""


def read_recording(text: str, file: str) -> list[Entry]:
    """Return what a recording holds, in its order. Raises RecordingError."""
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    return list(_read_snmprec(text, file) if re.match(r"[\d.]+\|", first) else _read_snmpwalk(text, file))


def _read_snmprec(text: str, file: str) -> Iterator[Entry]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split("|", 2)
        try:
            oid, tag, value = parts
            kind = Type(int(tag.rstrip("x")))
            yield as_oid(oid), Value(kind, _snmprec_data(kind, value, tag.endswith("x")))
        except ValueError as error:
            raise RecordingError(f"{file}:{number}: expected OID|TAG|VALUE ({error})") from error


def _snmprec_data(kind: Type, value: str, hexadecimal: bool) -> Data:  # noqa: PLR0911
    if kind >= Type.NO_SUCH_OBJECT or kind is Type.NULL:
        return None
    if kind in {Type.OCTET_STRING, Type.OPAQUE, Type.IP_ADDRESS} and hexadecimal:
        return bytes.fromhex(value)
    if kind in {Type.OCTET_STRING, Type.OPAQUE}:
        return value.encode()
    if kind is Type.IP_ADDRESS:
        return bytes(int(part) for part in value.split("."))
    if kind is Type.OBJECT_IDENTIFIER:
        return value.removeprefix(".")
    if kind in {Type.OPAQUE_FLOAT, Type.OPAQUE_DOUBLE}:
        return float(value)
    return int(value)


_WALK_LINE: Final = re.compile(r"\.?(\d+(?:\.\d+)+) = ?(.*)\Z", re.DOTALL)
_TYPED: Final = re.compile(r"([A-Z][A-Za-z0-9-]*(?: Address)?): ?(.*)\Z", re.DOTALL)
_KINDS: Final = {
    "INTEGER": Type.INTEGER,
    "Integer32": Type.INTEGER,
    "STRING": Type.OCTET_STRING,
    "Hex-STRING": Type.OCTET_STRING,
    "BITS": Type.OCTET_STRING,
    "Network Address": Type.IP_ADDRESS,
    "IpAddress": Type.IP_ADDRESS,
    "OID": Type.OBJECT_IDENTIFIER,
    "Counter32": Type.COUNTER32,
    "Counter64": Type.COUNTER64,
    "Gauge32": Type.GAUGE32,
    "Unsigned32": Type.GAUGE32,
    "UInteger32": Type.GAUGE32,
    "Timeticks": Type.TIME_TICKS,
    "Opaque": Type.OPAQUE,
}
_TIME: Final = re.compile(r"\s*(?:(\d{1,5})(?::| days?, *))?(\d{1,4}):(\d{1,2}):(\d{1,2})\.(\d\d)\s*\Z")
_EXCEPTIONS: Final = ("No Such Object", "No Such Instance", "No more variables")


def _read_snmpwalk(text: str, file: str) -> Iterator[Entry]:
    """Lines that do not begin with an OID belong to the string before them."""
    pending: tuple[int, str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if _WALK_LINE.match(line):
            if pending:
                yield from _walk_entry(*pending, file)
            pending = (number, line)
        elif pending:
            pending = (pending[0], f"{pending[1]}\n{line}")
        elif line.strip() and not line.startswith("#"):
            raise RecordingError(f"{file}:{number}: expected OID = TYPE: VALUE, as snmpwalk -On prints it")
    if pending:
        yield from _walk_entry(*pending, file)


def _walk_entry(number: int, line: str, file: str) -> Iterator[Entry]:
    match = _WALK_LINE.match(line)
    oid, rest = (match[1], match[2].strip("\n")) if match else ("", "")
    if rest.startswith(_EXCEPTIONS):
        return
    if rest.startswith("Wrong Type"):
        rest = rest.partition("): ")[2]
    try:
        if rest in {'""', ""}:
            yield as_oid(oid), Value(Type.OCTET_STRING, b"")
        elif rest == "NULL":
            yield as_oid(oid), Value(Type.NULL, None)
        elif (ticks := _ticks(rest)) is not None:  # as snmpwalk -Ont prints them
            yield as_oid(oid), Value(Type.TIME_TICKS, ticks)
        elif (typed := _TYPED.match(rest)) and typed[1] in _KINDS:
            yield as_oid(oid), _walk_value(typed[1], typed[2])
        else:
            raise RecordingError(f"{file}:{number}: expected OID = TYPE: VALUE, not {rest[:40]!r}")
    except ValueError as error:
        raise RecordingError(f"{file}:{number}: expected OID = TYPE: VALUE ({error})") from error


def _walk_value(name: str, text: str) -> Value:
    kind = _KINDS[name]
    if name == "STRING":
        quoted = len(text) > 1 and text[0] == text[-1] == '"'
        return Value(kind, re.sub(r"\\(.)", r"\1", text[1:-1] if quoted else text).encode())
    if name in {"Hex-STRING", "BITS", "Network Address"}:
        digits = re.match(r"(?:[0-9A-Fa-f]{2}[\s:]*)*", text)
        return Value(kind, bytes.fromhex(re.sub(r"[\s:]", "", digits[0] if digits else "")))
    if kind is Type.IP_ADDRESS:
        return Value(kind, bytes(int(part) for part in text.split(".")))
    if kind is Type.OBJECT_IDENTIFIER:
        return Value(kind, as_oid(text))
    if kind is Type.OPAQUE:
        label, _, number = text.partition(": ")
        return Value(Type.OPAQUE_DOUBLE if label == "Double" else Type.OPAQUE_FLOAT, float(number or label))
    return Value(kind, _integer(kind, text))


def _integer(kind: Type, text: str) -> int:
    """Return the number that stands in brackets behind its label, or before its unit. Raises ValueError."""
    digits = re.search(r"\((-?\d+)\)", text)
    if digits is None and kind is Type.TIME_TICKS:
        ticks = _ticks(text)
        if ticks is None:
            raise ValueError(text[:40])
        return ticks
    digits = digits or re.match(r"\s*(-?\d+)", text)
    if digits is None:
        raise ValueError(text[:40])
    return int(digits[1])


def _ticks(text: str) -> int | None:
    """Return hundredths of seconds of 1234, [days:]hours:minutes:seconds.cc or `D days, H:MM:SS.cc`; None = neither."""
    if text.strip().isdecimal():
        return int(text)
    match = _TIME.match(text)
    if match is None:
        return None
    days, hours, minutes, seconds, hundredths = (int(part or 0) for part in match.groups())
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 100 + hundredths


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
    """A session that answers from a recording, and counts the packets that a device would have been asked."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.stats = Stats()
        self.entries = list(entries)
        self._values: Mapping[Oid, Value] = dict(self.entries)
        self._sorted = sorted((arcs_of(oid), oid) for oid in self._values)

    @property
    def unreachable_since_ms(self) -> int | None:
        return None

    async def get(self, oid: Oid) -> Value:
        return (await self.get_many([oid]))[0]

    async def get_many(self, oids: Sequence[Oid]) -> list[Value]:
        packets = -(-len(oids) // _GET_SIZE)
        self._count(packets, len(oids))
        return [self._values.get(oid, Value(Type.NO_SUCH_INSTANCE, None)) for oid in oids]

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

    def _under(self, column: Oid) -> Iterator[tuple[str, Value]]:
        prefix = arcs_of(column)
        at = bisect_left(self._sorted, (prefix, ""))
        while at < len(self._sorted) and self._sorted[at][0][: len(prefix)] == prefix:
            oid = self._sorted[at][1]
            if len(oid) > len(column):
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
