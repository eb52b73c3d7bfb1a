"""Mutated responses: no crash, no hang, and no value accepted that the datagram does not say.

What the poller takes in is compared with a second decoder, written apart from the poller's: where that one refuses the
datagram, the poller must have refused it, and where it does not, every value must be the same.

    python -m tests.unit.snmp.mutations 1000000
"""

import sys
import time
from collections import Counter
from random import Random
from typing import Final, NamedTuple

from pollers.snmp.codec import ber, message
from pollers.snmp.codec.message import CommunityFrame, Request, request_id_at
from pollers.snmp.errors import DamagedResponse, SnmpError
from pollers.snmp.limits import Limits
from pollers.snmp.tables.columns import decode_cells
from pollers.snmp.tables.gets import Gets
from pollers.snmp.tables.known import KnownRows
from pollers.snmp.tables.paging import Paging
from pollers.snmp.tables.prepared import plan
from pollers.snmp.tables.rowset import guards, learn
from pollers.snmp.tables.walk import Walk
from pollers.snmp.values import Type, Value
from tests.unit.snmp import scripted
from tests.unit.snmp.scripted import Mib, arcs

COLUMNS: Final = ("1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.2.2.1.8")
ENCODED: Final = tuple(map(ber.encode_oid, COLUMNS))
REQUEST_ID: Final = b"\x41\x42\x43\x44"
FRAME: Final = CommunityFrame(1, b"public")
TAGS: Final = {0x02, 0x04, 0x05, 0x06, 0x40, 0x41, 0x42, 0x43, 0x44, 0x46, 0x80, 0x81, 0x82}


class Said(NamedTuple):
    """A variable as the second decoder reads it."""

    name: bytes
    tag: int
    contents: bytes


def _mib() -> Mib:
    cells = scripted.table([arcs(COLUMNS[0])], range(1, 10))
    for row in range(1, 10):
        cells[*arcs(COLUMNS[1]), row] = (scripted.OCTETS, f"port {row}".encode())
        cells[*arcs(COLUMNS[2]), row] = (scripted.INTEGER, bytes((1 + row % 2,)))
    cells[1, 3, 6, 1, 2, 1, 2, 1, 0] = (scripted.INTEGER, b"\x09")
    cells[1, 3, 6, 1, 2, 1, 31, 1, 5, 0] = (scripted.TICKS, b"\x07")
    return Mib(cells)


MIB: Final = _mib()


def respond(asked: Request) -> bytes:
    data = FRAME.message(asked, REQUEST_ID, 0.0)
    return MIB.answer(scripted.parse(data))


class Malformed(Exception):
    pass


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    if len(data) < 2:
        raise Malformed
    size, at = data[1], 2
    if size & 128:
        count = size & 127
        if count == 0 or count > 4 or len(data) < 2 + count:
            raise Malformed
        size, at = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    if len(data) < at + size:
        raise Malformed
    return data[0], data[at : at + size], data[at + size :]


def _must(data: bytes, tag: int) -> tuple[bytes, bytes]:
    found, contents, rest = _element(data)
    if found != tag:
        raise Malformed
    return contents, rest


def second_opinion(data: bytes) -> tuple[int, list[Said]]:
    """Return error-status and variables. Raises Malformed for anything that is not a response to our request."""
    body, rest = _must(data, 0x30)
    version, body = _must(body, 2)
    community, body = _must(body, 4)
    pdu, tail = _must(body, 0xA2)
    request_id, pdu = _must(pdu, 2)
    status, pdu = _must(pdu, 2)
    index, pdu = _must(pdu, 2)
    pairs, after = _must(pdu, 0x30)
    if rest or tail or after or (version, community, request_id) != (b"\x01", b"public", REQUEST_ID):
        raise Malformed
    if not 1 <= len(status) <= 4 or not 1 <= len(index) <= 4:
        raise Malformed
    said: list[Said] = []
    number = int.from_bytes(status, "big", signed=True)
    if number:
        return number, said  # what comes with an error is not looked at
    while pairs:
        pair, pairs = _must(pairs, 0x30)
        name, value = _must(pair, 6)
        tag, contents, extra = _element(value)
        if extra or tag & 31 == 31:  # a tag that goes on in the next octet
            raise Malformed
        said.append(Said(name, tag, contents))
    return number, said


def readable(said: Said) -> Value:
    """Return the value, or that it is a bad one: of an unknown type, or with contents that its type does not allow."""
    if said.tag not in TAGS:
        return Value(Type.BAD_VALUE, None)
    try:
        return Value(*ber.decode_value(said.tag, said.contents))
    except DamagedResponse:
        return Value(Type.BAD_VALUE, None)


def mutate(data: bytes, random: Random) -> bytes:
    """Return the datagram with one to four changes: flips, cuts, insertions, repeats, other lengths and tags."""
    out = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        at = random.randrange(max(1, len(out)))
        kind = random.randrange(8)
        if not out or kind == 0:
            out.insert(at, random.randrange(256))
        elif kind == 1:
            out[at] = random.randrange(256)
        elif kind == 2:
            out[at] ^= 1 << random.randrange(8)
        elif kind == 3:
            del out[at : at + random.choice((1, 2, 5, 40))]
        elif kind == 4:
            del out[at:]
        elif kind == 5:
            piece = out[at : at + random.choice((2, 17, 40))]
            out[at:at] = piece
        elif kind == 6:
            out[at] = random.choice((0, 1, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFF, 0x30, 0x02, 0x04, 0x46, 0x80))
        else:
            other = random.randrange(len(out))
            size = random.choice((1, 4, 17))
            out[at : at + size] = out[other : other + size]
    return bytes(out)


class Fuzz:
    """Counts what became of the datagrams. Raises AssertionError at the first wrong one."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.outcomes: Counter[str] = Counter()
        self.limits = Limits()
        walk = self._walk()
        while (asked := walk.next()) is not None:
            walk.answered(asked, FRAME.answer(respond(asked), REQUEST_ID, 0.0), 0)
        known = learn(walk, 0.0)
        assert known is not None
        self.known = known
        self.plan = plan(ENCODED, known, 4, bulk=True)

    def _walk(self) -> Walk:
        return Walk(ENCODED, Paging(Limits()), bulk=True, rows_max=1000, guards=guards(ENCODED))

    def one(self, kind: str) -> None:
        """Mutate the answer to the first request of a machine of this kind, and hold what it takes to the datagram."""
        machine: Walk | KnownRows | Gets
        if kind == "walk":
            machine = self._walk()
        elif kind == "known":
            machine = KnownRows(self.plan, self.known, Paging(self.limits))
        else:
            machine = Gets([f"{column}.{row}" for column in COLUMNS for row in (1, 2)], Paging(self.limits))
        asked = machine.next()
        assert asked is not None
        data = mutate(respond(asked), self.random)
        at = request_id_at(data)
        if at < 0 or data[at : at + 4] != REQUEST_ID or not FRAME.is_ours(data):
            self.outcomes["not ours"] += 1
            return
        try:
            machine.answered(asked, FRAME.answer(data, REQUEST_ID, 0.0), 7)
        except DamagedResponse:
            self.outcomes["damaged"] += 1
            return
        except SnmpError:
            self.outcomes["refused"] += 1
            return
        status, said = self._said(data)
        if status:
            self.outcomes["error-status"] += 1
            return
        self.outcomes["taken" if self._hold(machine, asked, said) else "changed"] += 1

    def _said(self, data: bytes) -> tuple[int, list[Said]]:
        try:
            return second_opinion(data)
        except Malformed:
            raise AssertionError(f"taken, although it is malformed: {data.hex()}") from None

    def _hold(self, machine: "Walk | KnownRows | Gets", asked: Request, said: list[Said]) -> bool:
        if isinstance(machine, Gets):
            assert [s.name for s in said] == list(asked.names)
            for value, variable in zip(machine.values, said, strict=True):
                assert value == readable(variable)
            return True
        if isinstance(machine, KnownRows):
            if machine.changed:
                return False
            taken = [cell for first in sorted(machine._cells) for cell in machine._cells[first]]
            extra = self.plan.pages[0].extra
            variables = said[extra : extra + len(taken)]
            types, data, _ = decode_cells([s.tag for s in variables], taken)
            read = [(tag or Type.BAD_VALUE, value) for tag, value in zip(types, data, strict=True)]
            assert read == [readable(variable) for variable in variables]
            wants = [message.want(s.name, s.tag) for s in said[: extra + len(taken)]]
            assert wants == list(self.plan.pages[0].wants[: extra + len(taken)])
            return True
        machine.table()
        by_name = {s.name: s for s in reversed(said)}
        for column in machine.columns:
            rows = column.cells.suffixes
            assert [ber.decode_suffix(r) for r in rows] == sorted({ber.decode_suffix(r) for r in rows})
            for row, tag, data in zip(rows, column.cells.types, column.cells.data, strict=True):
                one = by_name[column.prefix + row]
                assert (tag or Type.BAD_VALUE, data) == readable(one) or self._twice(one, said)
        return True

    def _twice(self, one: Said, said: list[Said]) -> bool:
        """Return whether the datagram names this object more than once: the first one in its column is right then."""
        return sum(s.name == one.name for s in said) > 1


def run(count: int, seed: int = 1) -> Counter[str]:
    """Return how many mutated datagrams ended how."""
    fuzz = Fuzz(seed)
    for number in range(count):
        fuzz.one(("walk", "known", "gets")[number % 3])
    return fuzz.outcomes


if __name__ == "__main__":
    began = time.process_time()
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    outcomes = run(total)
    print(f"{total} mutated responses in {time.process_time() - began:.0f} s of CPU: {dict(outcomes)}")  # noqa: T201
