"""BER as SNMP uses it: encoding, and a strict decoder for whatever an agent may send (X.690 §8, RFC 3417 §8)."""

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from librt.strings import read_i64_be
from mypy_extensions import i64

from pollers.snmp.errors import DamagedResponse
from pollers.snmp.values import FIRST_EXCEPTION, Data, Oid, Type

SEQUENCE: Final = 0x30
MAX_SUB_IDENTIFIERS: Final = 128  #: RFC 2578 §3.5
_MAX_SUB_IDENTIFIER: Final = 2**32 - 1
_OPAQUE_FLOAT: Final = b"\x9f\x78\x04"
_OPAQUE_DOUBLE: Final = b"\x9f\x79\x08"
#: the largest value of each unsigned type; INTEGER has its own limits
_MAX_UNSIGNED: Final = {
    Type.COUNTER32: 2**32 - 1,
    Type.GAUGE32: 2**32 - 1,
    Type.TIME_TICKS: 2**32 - 1,
    Type.COUNTER64: 2**64 - 1,
}
_SIGNED_32: Final = 1
_UNSIGNED_32: Final = 2
_UNSIGNED_64: Final = 3
_FORM_OF: Final = {int(t): _UNSIGNED_32 if most < 2**32 else _UNSIGNED_64 for t, most in _MAX_UNSIGNED.items()}
#: what a number of the type looks like, by tag; 0 for types that are no numbers
_FORMS: Final = bytes(_SIGNED_32 if tag == Type.INTEGER else _FORM_OF.get(tag, 0) for tag in range(0x100))
_LARGEST: Final = 2**63 - 1
_NEGATIVE_FROM: Final = 0x80  #: below it, an INTEGER is what it looks like unsigned
_INTEGER32: Final = range(-(2**31), 2**31)
#: types that are no tags: what an Opaque may hold, and what cannot be read
_NOT_ON_THE_WIRE: Final = (Type.OPAQUE_FLOAT, Type.OPAQUE_DOUBLE, Type.BAD_VALUE)
_KINDS: Final = {int(t): t for t in Type if t not in _NOT_ON_THE_WIRE}
KNOWN_TAGS: Final = frozenset(_KINDS)
_MORE_TAG_OCTETS: Final = 0x1F  #: these bits, all set, say that the tag goes on in the next octet (X.690 §8.1.2.4)


def length(size: int) -> bytes:
    """Encode a length in the shortest form."""
    if size < 0x80:
        return bytes((size,))
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((0x80 | len(octets),)) + octets


def tlv(tag: int, contents: bytes) -> bytes:
    return bytes((tag,)) + length(len(contents)) + contents


def integer(value: int) -> bytes:
    """Encode a whole INTEGER: two's complement in the fewest octets."""
    magnitude = value if value >= 0 else ~value
    return tlv(Type.INTEGER, value.to_bytes(magnitude.bit_length() // 8 + 1, signed=True))


def _sub_identifier(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(0x80 | value & 0x7F)
    return bytes(reversed(octets))


@lru_cache(maxsize=4096)
def encode_oid(oid: Oid) -> bytes:
    """Encode the contents (no tag, no length) of an OID. Raises ValueError for text that is not one."""
    arcs = [int(arc) for arc in oid.split(".")]
    if len(arcs) < 2 or arcs[0] > 2 or (arcs[0] < 2 and arcs[1] > 39) or min(arcs) < 0:
        raise ValueError(f"not an OID: {oid!r}")
    if max(arcs) > _MAX_SUB_IDENTIFIER or len(arcs) > MAX_SUB_IDENTIFIERS:
        raise ValueError(f"not an OID: {oid!r}")
    return _sub_identifier(arcs[0] * 40 + arcs[1]) + b"".join(map(_sub_identifier, arcs[2:]))


def decode_suffix(contents: bytes) -> tuple[int, ...]:
    """Decode sub-identifiers to numbers. Raises DamagedResponse for padding, overflow, or a cut-off end."""
    arcs: list[int] = []
    value, inside = 0, False
    for octet in contents:
        if not inside and octet == 0x80:
            raise DamagedResponse("an OID has a padded sub-identifier")
        value = value << 7 | octet & 0x7F
        inside = octet >= 0x80
        if not inside:
            if value > _MAX_SUB_IDENTIFIER:
                raise DamagedResponse("an OID has a sub-identifier above 2^32-1")
            arcs.append(value)
            value = 0
    if inside:
        raise DamagedResponse("an OID ends inside a sub-identifier")
    return tuple(arcs)


def decode_oid(contents: bytes) -> Oid:
    """Decode an OID to dotted form. Raises DamagedResponse."""
    arcs = decode_suffix(contents)
    if not arcs:
        raise DamagedResponse("an OID is empty")
    if len(arcs) >= MAX_SUB_IDENTIFIERS:
        raise DamagedResponse("an OID has more than 128 sub-identifiers")
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def dotted(contents: bytes) -> str:
    """Format a row, the sub-identifiers after a column, in dotted form. Raises DamagedResponse."""
    return ".".join(map(str, decode_suffix(contents)))


def element(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Return (tag, start of contents, end of contents) of the element at `at`. Raises DamagedResponse."""
    if end - at < 2:
        raise DamagedResponse("the message ends inside an element")
    tag, size, start = data[at], data[at + 1], at + 2
    if size >= 0x80:
        octets = size & 0x7F
        if not 1 <= octets <= 4 or start + octets > end:
            raise DamagedResponse("a length is indefinite, too long, or cut off")
        size = int.from_bytes(data[start : start + octets])
        start += octets
    if start + size > end:
        raise DamagedResponse("a length reaches past the end of what holds it")
    return tag, start, start + size


def expect(tag: int, data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return (start, end) of the contents of an element that must have this tag. Raises DamagedResponse."""
    found, start, stop = element(data, at, end)
    if found != tag:
        raise DamagedResponse(f"tag 0x{found:02x} where 0x{tag:02x} belongs")
    return start, stop


def expect_integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return (value, end) of an INTEGER of up to 4 octets. Raises DamagedResponse."""
    start, stop = expect(Type.INTEGER, data, at, end)
    if not 1 <= stop - start <= 4:
        raise DamagedResponse("an INTEGER of the header is empty or too wide")
    return int.from_bytes(data[start:stop], signed=True), stop


#: a number that its type allows, or the contents of a value: no number, or one that takes a closer look
Cell = int | bytes


class VarBinds:
    """A response's variables as three lists in step: what each column needs, without an object per value."""

    __slots__ = ("oids", "raws", "tags")

    def __init__(self, oids: list[bytes], tags: list[int], raws: list[bytes]) -> None:
        self.oids = oids  #: contents of each OID
        self.tags = tags  #: BER tags
        self.raws = raws  #: contents of each value

    def __len__(self) -> int:
        return len(self.oids)


def strict_varbinds(data: bytes, at: int, end: int) -> VarBinds:
    """Decode the variables of a VarBindList's contents; those of unknown types too, as each has a length.

    Raises DamagedResponse where one cannot be told from the next.
    """
    found = VarBinds([], [], [])
    while at < end:
        start, stop = expect(SEQUENCE, data, at, end)
        oid_start, oid_end = expect(Type.OBJECT_IDENTIFIER, data, start, stop)
        tag, value_start, value_end = element(data, oid_end, stop)
        if value_end != stop:
            raise DamagedResponse("a variable holds more than a name and a value")
        if tag & _MORE_TAG_OCTETS == _MORE_TAG_OCTETS:
            raise DamagedResponse(f"a value has a tag of several octets, 0x{tag:02x} …")
        found.oids.append(data[oid_start:oid_end])
        found.tags.append(tag)
        found.raws.append(data[value_start:value_end])
        at = stop
    return found


def fast_varbinds(data: bytes, at: int, end: int) -> VarBinds:
    """Decode the same as `strict_varbinds`, at a third of the cost where all elements are short; Raises the same."""
    oids: list[bytes] = []
    tags: list[int] = []
    raws: list[bytes] = []
    add_oid, add_tag, add_raw = oids.append, tags.append, raws.append
    position = at
    try:
        while position < end:
            name = position + 4
            value = name + data[position + 3]
            stop = value + 2 + data[value + 1]
            # each length is below 0x80 and agrees with the others, or the strict decoder takes over
            if (
                data[position] != 0x30
                or data[position + 2] != 0x06
                or data[position + 1] != stop - name + 2
                or stop - name > 0x7D
                or stop > end
            ):
                return strict_varbinds(data, at, end)
            add_oid(data[name:value])
            tag = data[value]
            if tag not in KNOWN_TAGS:
                return strict_varbinds(data, at, end)
            add_tag(tag)
            add_raw(data[value + 2 : stop])
            position = stop
    except IndexError:
        return strict_varbinds(data, at, end)
    return VarBinds(oids, tags, raws)


def cell(data: bytes, tag: int, start: i64, stop: i64) -> Cell:
    """Decode the bytes from `start` to `stop` as a number if its type allows that form, or else return the bytes.

    At least eight bytes of the response come before them. Raises IndexError where they end behind it.
    """
    form = _FORMS[tag]
    size: i64 = stop - start
    if form and 0 < size <= 8:
        number: i64 = read_i64_be(data, stop - 8)
        # not `1 << ...`: compiled, that is a shift in 32 bits (mypyc 2.4)
        bits: i64 = _LARGEST >> 63 - 8 * size if size < 8 else -1
        number &= bits
        if form == _SIGNED_32:
            if size <= 4:
                sign: i64 = (bits >> 1) + 1
                return (number ^ sign) - sign
        elif number >= 0 and (form == _UNSIGNED_64 or number < 2**32):
            return number
    return data[start:stop]


def decode_value(tag: int, raw: bytes) -> tuple[Type, Data]:
    """Decode the wire type and the data of one value.

    Raises DamagedResponse for an unknown type, and for contents that the type does not allow.

    Unsigned types are read as unsigned whether or not the agent wrote the leading zero octet: many do not.
    """
    kind = _KINDS.get(tag)
    if kind is None:
        raise DamagedResponse(f"a value has the unknown tag 0x{tag:02x}")
    if kind in _MAX_UNSIGNED or kind is Type.INTEGER:
        return kind, _integer(kind, raw)
    if kind is Type.OBJECT_IDENTIFIER:
        return kind, decode_oid(raw)
    if kind is Type.OPAQUE:
        return _opaque(raw)
    if kind is Type.IP_ADDRESS and len(raw) != 4:
        raise DamagedResponse(f"an IpAddress of {len(raw)} octets")
    if kind is Type.NULL or kind >= FIRST_EXCEPTION:
        if raw:
            raise DamagedResponse(f"a {kind.name} with contents")
        return kind, None
    return kind, raw


def _integer(kind: Type, raw: bytes) -> int:
    value = int.from_bytes(raw, signed=kind is Type.INTEGER)
    fits = value in _INTEGER32 if kind is Type.INTEGER else value <= _MAX_UNSIGNED[kind]
    if not raw or not fits:
        raise DamagedResponse(f"a {kind.name} of {len(raw)} octets")
    return value


def _opaque(raw: bytes) -> tuple[Type, Data]:
    """Return a float or double wrapped in an Opaque (net-snmp's and Cisco's usage), or the bytes as they are."""
    if len(raw) == 7 and raw.startswith(_OPAQUE_FLOAT):
        return Type.OPAQUE_FLOAT, float(struct.unpack(">f", raw[3:])[0])
    if len(raw) == 11 and raw.startswith(_OPAQUE_DOUBLE):
        return Type.OPAQUE_DOUBLE, float(struct.unpack(">d", raw[3:])[0])
    return Type.OPAQUE, raw


def decode_column(tags: Sequence[int], raws: Sequence[bytes]) -> tuple[bytes, list[Data]]:
    """Decode the types and data of a column's values, fast where all have one tag. Raises DamagedResponse."""
    if not raws:
        return b"", []
    tag = tags[0]
    if all(map(tag.__eq__, tags)) and (data := decode_uniform(tag, raws)) is not None:
        return bytes((tag,)) * len(raws), data
    pairs = [decode_value(t, r) for t, r in zip(tags, raws, strict=True)]
    return bytes(t for t, _ in pairs), [d for _, d in pairs]


def decode_uniform(tag: int, raws: list[bytes] | Sequence[bytes]) -> list[Data] | None:
    """Decode values that all have this tag; None where they must be decoded one by one."""
    if tag == Type.OCTET_STRING:
        return list(raws)
    numbers = list(map(int.from_bytes, raws))
    if tag == Type.INTEGER:
        if max(numbers) >= _NEGATIVE_FROM:
            numbers = [int.from_bytes(raw, signed=True) for raw in raws]
            if max(numbers) not in _INTEGER32 or min(numbers) not in _INTEGER32:
                return None
    elif max(numbers) > _MAX_UNSIGNED.get(tag, -1):  # type: ignore[call-overload]
        return None
    return None if b"" in raws else list[Data](numbers)
