"""SNMP values that keep their wire type (RFC 2578 §7.1, RFC 3416 §3)."""

import enum
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

Oid: TypeAlias = str  #: dotted decimal, no leading dot
Data: TypeAlias = int | float | bytes | str | None


class Type(enum.IntEnum):
    """The BER tag of a value, and the Python type of its data."""

    INTEGER = 0x02  #: int, signed
    OCTET_STRING = 0x04  #: bytes
    NULL = 0x05  #: None
    OBJECT_IDENTIFIER = 0x06  #: str, dotted decimal
    IP_ADDRESS = 0x40  #: bytes, 4 of them
    COUNTER32 = 0x41  #: int
    GAUGE32 = 0x42  #: int (Unsigned32 too)
    TIME_TICKS = 0x43  #: int, hundredths of a second
    OPAQUE = 0x44  #: bytes
    COUNTER64 = 0x46  #: int
    OPAQUE_FLOAT = 0x78  #: float
    OPAQUE_DOUBLE = 0x79  #: float
    NO_SUCH_OBJECT = 0x80  #: None
    NO_SUCH_INSTANCE = 0x81  #: None
    END_OF_MIB_VIEW = 0x82  #: None
    #: None; there is something, but it cannot be read: contents that its type does not allow, or an unknown type.
    #: Never a tag on the wire: as one, it would go on in a second octet (X.690 §8.1.2.4)
    BAD_VALUE = 0xFF


#: what an agent says in place of a value (RFC 3416 §3, exceptions of a VarBind)
EXCEPTIONS = frozenset((Type.NO_SUCH_OBJECT, Type.NO_SUCH_INSTANCE, Type.END_OF_MIB_VIEW))
#: types at and above this one have no data
FIRST_EXCEPTION = Type.NO_SUCH_OBJECT


class Value(NamedTuple):
    type: Type
    data: Data

    @property
    def exists(self) -> bool:
        return self.type < FIRST_EXCEPTION and self.type is not Type.NULL


class Column(NamedTuple):
    """One column of a table; `types[i]` and `data[i]` belong to row i of the table's index."""

    oid: Oid
    types: bytearray  #: BER tag of each cell, 0 where the device gave no such cell
    data: list[Data]


class TableProblem(NamedTuple):
    """The reason for which part of the requested data is missing; the rest is good."""

    reason: str  #: one word or two, also a metric label, e.g. oid-not-increasing
    detail: str  #: for people


class SnmpTable(NamedTuple):
    rows: list[str]  #: the rows: what follows the column's OID, dotted decimal
    columns: list[Column]  #: in the order in which they were asked for
    offsets_ms: list[int]  #: when each row was answered, milliseconds after the session began
    problems: Sequence[TableProblem] = ()
