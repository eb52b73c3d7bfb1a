"""Parses recordings: .snmprec files with snmpsim's directives, and the output of `snmpwalk -On` or `-Oxn`."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from pollers.profiles.loading.section import as_oid
from pollers.snmp.values import Data, Oid, Type, Value
from schemas.errors import PanoptesError

Entry = tuple[Oid, Value]
#: lines that are looked at to tell one form from the other
_FIRST_LINES: Final = 50
_SNMPREC: Final = re.compile(r"[\d.]+\|[^|]*\|")


class RecordingError(PanoptesError):
    """A recording without a single valid line; the text names file and line."""


class Odd(NamedTuple):
    """A line that is neither .snmprec nor snmpwalk output, and is skipped."""

    line: int
    why: str


class Recording(NamedTuple):
    entries: list[Entry]
    odd: list[Odd]


def read_lines(text: str, file: str) -> Recording:
    """Return the entries of a recording in order, and its invalid lines.

    Raises RecordingError where nothing is left.
    """
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    first = [line for line in lines[: _FIRST_LINES * 4] if line.strip() and not line.startswith("#")][:_FIRST_LINES]
    found = Recording([], [])
    for each in _snmprec(lines) if any(map(_SNMPREC.match, first)) else _snmpwalk(lines):
        if isinstance(each, Odd):
            found.odd.append(each)
        elif each is not None:
            found.entries.append(each)
    if found.odd and not found.entries:
        raise RecordingError(f"{file}:{found.odd[0].line}: {found.odd[0].why}")
    return found


def _snmprec(lines: list[str]) -> Iterator[Entry | Odd | None]:
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            yield snmprec_entry(line)
        except ValueError as error:
            yield Odd(number, f"expected OID|TAG|VALUE ({error})")


def snmprec_entry(line: str) -> Entry:
    """Parse a line OID|TAG|VALUE. Raises ValueError."""
    oid, tag, value = line.split("|", 2)
    code, _, directive = tag.strip().partition(":")
    kind = Type(int(code.rstrip("xe")))
    if directive:
        value, hexadecimal = _directed(directive, value)
    else:
        hexadecimal = code.endswith("x")
    return as_oid(oid.strip()), Value(kind, _snmprec_data(kind, value, hexadecimal))


def _directed(directive: str, text: str) -> tuple[str, bool]:
    """Return the value that one of snmpsim's modules would begin with, and whether it is in hexadecimal.

    Raises ValueError for those that have none in the file, such as a database query.
    """
    options = dict(part.partition("=")[::2] for part in text.split(","))
    if directive == "numeric":
        number = next((options[name] for name in ("initial", "offset", "min") if name in options), "0")
        return str(int(float(number))), False
    if "hexvalue" in options:
        return options["hexvalue"], True
    if "value" in options:
        return options["value"], False
    raise ValueError(f"nothing to take from :{directive}")


def _octets(text: str) -> bytes:
    """Return the text as it stood in the file, whatever its encoding."""
    return text.encode("utf-8", "surrogateescape")


def _address(text: str) -> bytes:
    """Return an IpAddress of 10.0.0.1, or of four characters as some recorders write it. Raises ValueError."""
    if text.count(".") == 3:
        return bytes(int(part) for part in text.strip().split("."))
    raw = _octets(text)
    if len(raw) == 4:
        return raw
    if len(text) == 4:
        return text.encode("latin-1")
    raise ValueError(f"no address: {text[:40]!r}")


def _snmprec_data(kind: Type, value: str, hexadecimal: bool) -> Data:  # noqa: PLR0911
    if kind >= Type.NO_SUCH_OBJECT or kind is Type.NULL:
        return None
    if kind in {Type.OCTET_STRING, Type.OPAQUE, Type.IP_ADDRESS} and hexadecimal:
        return bytes.fromhex(value)
    if kind in {Type.OCTET_STRING, Type.OPAQUE}:
        return _octets(value)
    if kind is Type.IP_ADDRESS:
        return _address(value)
    if kind is Type.OBJECT_IDENTIFIER:
        return value.strip().removeprefix(".")
    if kind in {Type.OPAQUE_FLOAT, Type.OPAQUE_DOUBLE}:
        return float(value)
    return int(value)


_WALK_LINE: Final = re.compile(r"\.?((?:\d+|iso)(?:\.\d+)+)[ \t]+=[ \t]?(.*)\Z", re.DOTALL)
_TYPED: Final = re.compile(r"[ \t]*([A-Za-z][A-Za-z0-9-]*(?: Address)?): ?(.*)\Z", re.DOTALL)
#: by their names in small letters: some print them in capitals
_KINDS: Final = {
    "integer": Type.INTEGER,
    "integer32": Type.INTEGER,
    "string": Type.OCTET_STRING,
    "hex-string": Type.OCTET_STRING,
    "bits": Type.OCTET_STRING,
    "network address": Type.IP_ADDRESS,
    "ipaddress": Type.IP_ADDRESS,
    "oid": Type.OBJECT_IDENTIFIER,
    "counter32": Type.COUNTER32,
    "counter64": Type.COUNTER64,
    "gauge32": Type.GAUGE32,
    "unsigned32": Type.GAUGE32,
    "uinteger32": Type.GAUGE32,
    "timeticks": Type.TIME_TICKS,
    "opaque": Type.OPAQUE,
}
_TIME: Final = re.compile(r"\s*(?:(\d{1,5})(?::| days?, *))?(\d{1,4}):(\d{1,2}):(\d{1,2})\.(\d\d)\s*\Z")
_EXCEPTIONS: Final = ("No Such Object", "No Such Instance", "No more variables")


def _snmpwalk(lines: list[str]) -> Iterator[Entry | Odd | None]:
    """Lines that do not begin with an OID belong to the string before them."""
    pending: list[str] = []
    begun = 0
    for number, line in enumerate(lines, 1):
        if _WALK_LINE.match(line):
            if pending:
                yield _walk_entry(begun, "\n".join(pending))
            pending, begun = [line], number
        elif pending:
            pending.append(line)
        elif line.strip() and not line.startswith("#"):
            yield Odd(number, "expected OID = TYPE: VALUE, as snmpwalk -On prints it")
    if pending:
        yield _walk_entry(begun, "\n".join(pending))


def _walk_entry(number: int, line: str) -> Entry | Odd | None:
    match = _WALK_LINE.match(line)
    if match is None:
        return None
    oid, rest = match[1].replace("iso", "1", 1), match[2].strip("\n")
    if rest.lstrip().startswith(_EXCEPTIONS):
        return None
    if rest.lstrip().startswith("Wrong Type"):
        rest = rest.partition("): ")[2]
    try:
        return as_oid(oid), _walk_value(rest)
    except ValueError as error:
        return Odd(number, f"expected OID = TYPE: VALUE ({error})")


def _walk_value(rest: str) -> Value:
    """Return what stands behind the equals sign. Raises ValueError."""
    bare = rest.strip()
    if bare in {'""', ""}:
        return Value(Type.OCTET_STRING, b"")
    if bare == "NULL":
        return Value(Type.NULL, None)
    if (ticks := _ticks(bare)) is not None:  # as snmpwalk -Ont prints them
        return Value(Type.TIME_TICKS, ticks)
    typed = _TYPED.match(rest)
    if typed is None or typed[1].lower() not in _KINDS:
        raise ValueError(f"not {rest[:40]!r}")
    return _typed_value(typed[1].lower(), typed[2])


def _typed_value(name: str, text: str) -> Value:
    kind = _KINDS[name]
    if name == "string":
        bare = text.strip(" ")
        quoted = len(bare) > 1 and bare[0] == bare[-1] == '"'
        return Value(kind, _octets(re.sub(r"\\(.)", r"\1", bare[1:-1]) if quoted else text))
    text = text.strip()
    if name in {"hex-string", "bits", "network address"}:
        digits = re.match(r"(?:[0-9A-Fa-f]{2}[\s:]*)*", text)
        return Value(kind, bytes.fromhex(re.sub(r"[\s:]", "", digits[0] if digits else "")))
    if kind is Type.IP_ADDRESS:
        return Value(kind, _address(text))
    if kind is Type.OBJECT_IDENTIFIER:
        return Value(kind, as_oid(text.replace("iso", "1", 1)))
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
