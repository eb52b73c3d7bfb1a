"""Answers from recordings of many megabytes without loading them: only the requested lines are parsed."""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from pollers.profiles.authoring.recorded_lines import Entry, Odd, RecordingError, read_lines, snmprec_entry
from pollers.profiles.authoring.recording import RecordedSession, arcs_of
from pollers.snmp.values import Oid, Value

#: from this size on, taking a recording apart as a whole costs too much memory
BIG_BYTES: Final = 8 * 2**20
_SNMPREC: Final = re.compile(rb"(?m)^[0-9.]+\|[^|\n]*\|")
#: lines that need no second look: the OID, the tag, and a value as the tag wants it
_PLAIN: Final = re.compile(
    rb"""(?mx)^\.?([0-9]+(?:\.[0-9]+)+)\|(?:
    (?:2|65|66|67|70)\|-?[0-9]+ | 4\|[^\r\n]* | 4x\|(?:[0-9A-Fa-f]{2})* | 6\|\.?[0-9.]+
    | 64\|[0-9]{1,3}(?:\.[0-9]{1,3}){3} | 64x\|[0-9A-Fa-f]{8}
    )\r?$"""
)


class Run(NamedTuple):
    """Consecutive lines with ascending OIDs; most recordings are one run, or a few."""

    begin: int
    end: int  #: the first line that is not of it


class Lines(NamedTuple):
    raw: bytes
    starts: Sequence[int]  #: where each line that can be read begins
    runs: Sequence[Run]
    odd: Sequence[Odd]  #: lines that were left out


def is_snmprec(raw: bytes) -> bool:
    """Return whether the first lines have the form OID|TAG|VALUE."""
    return _SNMPREC.search(raw[:20_000]) is not None


def read_big(raw: bytes, file: str) -> Lines:
    """Return the lines of a .snmprec recording, and the invalid ones.

    Raises RecordingError where nothing is left.
    """
    starts = array("Q")
    runs: list[Run] = []
    odd: list[Odd] = []
    begin, number, done = 0, 1, 0
    before = b""

    def add(start: int, oid: bytes) -> None:
        nonlocal begin, before
        if before and not _ascends(before, oid):
            runs.append(Run(begin, len(starts)))
            begin = len(starts)
        starts.append(start)
        before = oid

    def look_again(until: int) -> None:
        nonlocal number, done
        while done < until:
            end = raw.find(b"\n", done, until)
            end = until if end < 0 else end
            line = _text(raw[done:end])
            if line.strip() and not line.startswith("#"):
                try:
                    oid, _value = snmprec_entry(line)
                    add(done, oid.encode())
                except ValueError as error:
                    odd.append(Odd(number, f"expected OID|TAG|VALUE ({error})"))
            number, done = number + 1, end + 1

    for match in _PLAIN.finditer(raw):
        if match.start() > done:
            look_again(match.start())
        add(match.start(), match[1])
        number, done = number + 1, match.end() + 1
    look_again(len(raw))
    runs.append(Run(begin, len(starts)))
    if odd and not starts:
        raise RecordingError(f"{file}:{odd[0].line}: {odd[0].why}")
    return Lines(raw, starts, runs, odd)


def _ascends(before: bytes, oid: bytes) -> bool:
    """Return whether an OID comes after another; as a rule only their last number differs."""
    head, _, last = oid.rpartition(b".")
    head_before, _, last_before = before.rpartition(b".")
    if head == head_before:
        return int(last) > int(last_before)
    return tuple(map(int, oid.split(b"."))) > tuple(map(int, before.split(b".")))


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "surrogateescape")


class BigRecordedSession(RecordedSession):
    """A session that answers from a recording's lines; when an OID occurs twice, the later line wins."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(())
        self._lines = lines

    @property
    def entries(self) -> list[Entry]:
        """Return every entry decoded, which takes several times the recording's size in memory."""
        return [self._entry(place) for place in range(len(self._lines.starts))]

    def _entry(self, place: int) -> Entry:
        raw, start = self._lines.raw, self._lines.starts[place]
        end = raw.find(b"\n", start)
        return snmprec_entry(_text(raw[start : end if end >= 0 else len(raw)]))

    def _arcs(self, place: int) -> tuple[int, ...]:
        raw, start = self._lines.raw, self._lines.starts[place]
        return tuple(map(int, raw[start : raw.find(b"|", start)].strip(b" .").split(b".")))

    def _value(self, oid: Oid) -> Value | None:
        wanted = arcs_of(oid)
        for run in reversed(self._lines.runs):
            place = bisect_left(range(run.end), wanted, run.begin, key=self._arcs)
            if place < run.end and self._arcs(place) == wanted:
                return self._entry(place)[1]
        return None

    def _next(self, oid: Oid) -> Oid | None:
        wanted = arcs_of(oid)
        places = [(bisect_right(range(run.end), wanted, run.begin, key=self._arcs), run) for run in self._lines.runs]
        following = [self._arcs(place) for place, run in places if place < run.end]
        return ".".join(map(str, min(following))) if following else None

    def _under(self, column: Oid) -> Iterator[tuple[str, Value]]:
        prefix, stem = arcs_of(column), f"{column}.".encode()
        raw, starts = self._lines.raw, self._lines.starts
        places: dict[bytes, int] = {}
        for run in self._lines.runs:
            place = bisect_right(range(run.end), prefix, run.begin, key=self._arcs)
            while place < run.end:
                oid = raw[starts[place] : raw.find(b"|", starts[place])].strip(b" .")
                if not oid.startswith(stem):
                    break
                places[oid[len(stem) :]] = place
                place += 1
        for index, place in places.items():
            yield index.decode(), self._entry(place)[1]


def opened(raw: bytes, file: str) -> tuple[RecordedSession, int, Sequence[Odd]]:
    """Return a session that answers from a recording, its number of values, and its invalid lines.

    Raises RecordingError where nothing can be read.
    """
    if len(raw) >= BIG_BYTES and is_snmprec(raw):
        lines = read_big(raw, file)
        return BigRecordedSession(lines), len(lines.starts), lines.odd
    recording = read_lines(raw.decode("utf-8", "surrogateescape"), file)
    return RecordedSession(recording.entries), len(recording.entries), recording.odd
