"""The part of BER that an SNMP agent needs to read a request and write a response (RFC 3417 §8)."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

INTEGER = 0x02
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30
IP_ADDRESS = 0x40
COUNTER32 = 0x41
GAUGE32 = 0x42
TIME_TICKS = 0x43
COUNTER64 = 0x46
NO_SUCH_OBJECT = b"\x80\x00"
NO_SUCH_INSTANCE = b"\x81\x00"
END_OF_MIB_VIEW = b"\x82\x00"

Oid = tuple[int, ...]
Cell = Callable[[float], bytes]  #: time (Unix seconds) -> the encoded value
Cells = dict[Oid, bytes | Cell]


class DamagedRequestError(ValueError):
    """The bytes are not a valid BER request."""


class Element(NamedTuple):
    tag: int
    content: bytes


def length_of(size: int) -> bytes:
    """Encode a length: short form below 128, else the shortest long form."""
    if size < 0x80:
        return bytes((size,))
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def element(tag: int, content: bytes) -> bytes:
    return bytes((tag,)) + length_of(len(content)) + content


def sequence(parts: Iterable[bytes], tag: int = SEQUENCE) -> bytes:
    return element(tag, b"".join(parts))


def signed(value: int) -> bytes:
    """Encode an INTEGER in the fewest octets, two's complement (X.690 §8.3)."""
    size = ((value if value >= 0 else ~value).bit_length() + 8) // 8
    return element(INTEGER, value.to_bytes(size, "big", signed=True))


def unsigned(tag: int, value: int) -> bytes:
    """Encode a Counter, Gauge or TimeTicks; a leading zero octet keeps the sign bit clear."""
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(value: bytes) -> bytes:
    return element(OCTET_STRING, value)


def oid(value: Oid) -> bytes:
    """Encode an OBJECT IDENTIFIER; the first two sub-identifiers share an octet (X.690 §8.19)."""
    content = bytearray(_base128(value[0] * 40 + value[1]))
    for part in value[2:]:
        content += _base128(part)
    return element(OBJECT_IDENTIFIER, bytes(content))


def _base128(value: int) -> bytes:
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(0x80 | value & 0x7F)
    return bytes(reversed(out))


def read(data: bytes, at: int = 0) -> tuple[Element, int]:
    """Decode the element that begins at `at`, and return where the next one begins. Raises DamagedRequestError."""
    if at + 2 > len(data):
        raise DamagedRequestError("cut short")
    tag, size, begin = data[at], data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4 or begin + count > len(data):
            raise DamagedRequestError("bad length")
        size, begin = int.from_bytes(data[begin : begin + count], "big"), begin + count
    if begin + size > len(data):
        raise DamagedRequestError("cut short")
    return Element(tag, data[begin : begin + size]), begin + size


def read_all(data: bytes) -> list[Element]:
    """Decode consecutive elements. Raises DamagedRequestError."""
    found, at = [], 0
    while at < len(data):
        item, at = read(data, at)
        found.append(item)
    return found


def read_int(item: Element) -> int:
    if item.tag != INTEGER or not item.content:
        raise DamagedRequestError("an INTEGER was expected")
    return int.from_bytes(item.content, "big", signed=True)


def read_oid(item: Element) -> Oid:
    """Decode the OID to numbers. Raises DamagedRequestError."""
    if item.tag != OBJECT_IDENTIFIER or not item.content or item.content[-1] & 0x80:
        raise DamagedRequestError("an OBJECT IDENTIFIER was expected")
    parts, value = [], 0
    for octet in item.content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            parts.append(value)
            value = 0
    first = min(parts[0] // 40, 2)
    return (first, parts[0] - 40 * first, *parts[1:])
