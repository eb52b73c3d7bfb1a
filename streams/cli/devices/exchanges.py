"""Prints the requests of `poll --explain`: what was asked, and what came of each request."""

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pollers.snmp.client import Session
from pollers.snmp.trace import Exchanged
from pollers.snmp.values import Oid, SnmpTable, Value

#: what every poll reads whatever its profile (SNMPv2-MIB, IF-MIB, ENTITY-MIB, SNMP-FRAMEWORK-MIB)
OBJECTS: Final[Mapping[Oid, str]] = {
    "1.3.6.1.2.1.1.1": "sysDescr",
    "1.3.6.1.2.1.1.2": "sysObjectID",
    "1.3.6.1.2.1.1.3": "sysUpTime",
    "1.3.6.1.2.1.2.1": "ifNumber",
    "1.3.6.1.2.1.31.1.5": "ifTableLastChange",
    "1.3.6.1.2.1.47.1.4.1": "entLastChangeTime",
    "1.3.6.1.6.3.10.2.1.2": "snmpEngineBoots",
}
_LINE_WIDTH: Final = 120
_ASKED_WIDTH: Final = 44


def name_of(oid: Oid, names: Mapping[Oid, str]) -> str:
    """Return the OID by name where one is known: `interface.octets_in.12`, `sysUpTime.0`, else its numbers."""
    known, row = oid, ""
    while known:
        if known in names:
            return names[known] + row
        known, dot, arc = known.rpartition(".")
        row = f"{dot}{arc}{row}"
    return oid


def asked_line(what: str, oids: Iterable[Oid], names: Mapping[Oid, str]) -> str:
    """Return the names that are about to be requested, each once, wrapped."""
    text = f"{what}: {', '.join(dict.fromkeys(name_of(oid, names) for oid in oids))}"
    return textwrap.fill(text, _LINE_WIDTH, subsequent_indent="    ", break_on_hyphens=False)


def exchange_line(record: Exchanged, names: Mapping[Oid, str]) -> str:
    """Return one line for a request and its response: the first name of the request and how many more it has,
    the repetitions of a getbulk, values, bytes, milliseconds, which try it was, page size, outcome.
    """
    more = f" +{record.names - 1}" if record.names > 1 else ""
    times = f" x{record.repetitions}" if record.repetitions else ""
    asked = f"{record.pdu} {name_of(record.first, names)}{more}{times}"
    engine = "" if record.engine == "native" else f" ({record.engine})"
    return (
        f"  {asked:<{_ASKED_WIDTH}} {record.values:>4} values {record.request_bytes:>5} B out "
        f"{record.response_bytes:>5} B in {record.duration_ms:>7.1f} ms  try {record.attempt + 1}  "
        f"page {record.page_bytes} B  {record.outcome}{engine}"
    )


@dataclass(slots=True)
class Exchanges:
    """The `Trace` of one command: says each request when its answer came or was given up."""

    say: Callable[[str], None]
    names: dict[Oid, str] = field(default_factory=lambda: dict(OBJECTS))  #: more of them once the profile is known

    def __call__(self, record: Exchanged) -> None:
        self.say(exchange_line(record, self.names))

    def asked(self, what: str, oids: Sequence[Oid]) -> None:
        """Print the purpose of the requests that follow."""
        self.say(asked_line(what, oids, self.names))


class ToldSession:
    """A session that prints what is requested before it asks the device, since a request names only its first OID."""

    def __init__(self, session: Session, exchanges: Exchanges) -> None:
        self.stats = session.stats
        self._session = session
        self._exchanges = exchanges

    @property
    def unreachable_since_ms(self) -> int | None:
        return self._session.unreachable_since_ms

    async def get(self, oid: Oid) -> Value:
        return (await self.get_many([oid]))[0]

    async def get_many(self, oids: Sequence[Oid]) -> list[Value]:
        self._exchanges.asked("scalars", oids)
        return await self._session.get_many(oids)

    async def following(self, oids: Sequence[Oid]) -> list[Oid | None]:
        self._exchanges.asked("what follows", oids)
        return await self._session.following(oids)

    async def walk(self, columns: Sequence[Oid]) -> SnmpTable:
        self._exchanges.asked("walk", columns)
        return await self._session.walk(columns)

    async def table(self, columns: Sequence[Oid]) -> SnmpTable:
        self._exchanges.asked("table", columns)
        return await self._session.table(columns)
