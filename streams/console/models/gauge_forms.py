"""What many gauges have in common, each kept once; what is as it was in the gauge before is recognised, not decoded."""

import struct
from collections.abc import Hashable, Mapping
from typing import Final, NamedTuple, TypeVar, cast

from schemas.binary import long, text
from schemas.gauge_parts import (
    HEADER_BYTES,
    GaugeHead,
    GaugeOwn,
    GaugeRest,
    GaugeTail,
    WholeGauge,
    head_of,
    long_at,
    own_of,
    rest_of,
    tail_of,
)

OCTETS: Final = ("octets_in", "octets_out")
ERRORS: Final = ("errors_in", "errors_out")
GONE: Final = "row-gone"
NO_DURATION: Final = -1.0  #: durations are positive
_TIMES: Final = "qqd"
_KNOWN_MOST: Final = 2_000_000
_RECENT: Final = 4
_ABSENT, _PRESENT = b"\0", b"\2"  #: of the branches of `duration_s`

H = TypeVar("H", bound=Hashable)
V = TypeVar("V")
Pairs = tuple[tuple[str, str], ...]


class Front(NamedTuple):
    """What the rows of one group of one device have in common."""

    constants: tuple[str, str, str, str, str, int]  #: site, resource, endpoint, job, group, interval_s
    dimensions: tuple[str, ...]  #: their names
    labels: Pairs
    units: Pairs


class RowForm(NamedTuple):
    """What many rows of many polls have in common."""

    names: tuple[str, ...]  #: of the numbers
    states: Pairs
    missing: Pairs
    confidence: Pairs


class GaugeLayout:
    """A form, and the bytes around the numbers of a gauge that has it."""

    __slots__ = ("_bytes", "_words", "errors", "form", "has_duration", "is_gone", "octets", "stored")

    def __init__(self, form: RowForm, words: tuple[bytes, ...], *, has_duration: bool) -> None:
        """`words` are what stands before, between and behind the numbers; none: no bytes are known."""
        self.form: Final = form
        self.has_duration: Final = has_duration
        self.is_gone: Final = bool(form.missing) and not form.names and all(why == GONE for _, why in form.missing)
        self.octets: Final = tuple(form.names.index(name) for name in OCTETS if name in form.names)
        self.errors: Final = tuple(form.names.index(name) for name in ERRORS if name in form.names)
        self.stored: Final = struct.Struct(f"<{_TIMES}{len(form.names)}d")  #: times, then the numbers
        self._words: Final = words
        self._bytes: Final = struct.Struct("<" + "d".join(f"{len(word)}s" for word in words)) if words else None

    def numbers(self, value: bytes, at: int) -> tuple[float, ...] | None:
        """Return the numbers of a gauge whose bytes differ from this one's in nothing else, None for another."""
        if self._bytes is None or len(value) - at != self._bytes.size:
            return None
        parts = self._bytes.unpack_from(value, at)
        return parts[1::2] if parts[::2] == self._words else None


class RowPoll(NamedTuple):
    """What one poll tells of a row."""

    slot: int
    time_ms: int
    duration_s: float
    numbers: tuple[float, ...]  #: in the order of the layout's names
    layout: GaugeLayout
    counters: tuple[tuple[str, int], ...] = ()


class Placed(NamedTuple):
    """Which row a gauge is of."""

    front: Front
    row: str
    texts: tuple[str, ...]  #: of the dimensions


NOTHING: Final = GaugeLayout(RowForm((), (), (), ()), (), has_duration=False)


class Forms:
    """Reads gauges; fronts and forms that are equal are the same one."""

    def __init__(self) -> None:
        self._known: dict[Hashable, object] = {}
        self._layouts: dict[tuple[RowForm, tuple[bytes, ...]], GaugeLayout] = {}
        self._recent: tuple[GaugeLayout, ...] = ()  #: of gauges that were decoded
        self._head: tuple[bytes, GaugeHead | None] = (b"", None)  #: of the last gauge
        self._tail: tuple[bytes, GaugeTail | None] = (b"", None)
        self._shared: tuple[GaugeHead | None, GaugeTail | None, int, tuple[str, ...]] = (None, None, 0, ())
        self._front: Front | None = None  #: made of these

    def once(self, value: H) -> H:
        """Return the same value, the same one each time."""
        if len(self._known) > _KNOWN_MOST:
            self._known.clear()  # they are only kept a second time then
        return cast("H", self._known.setdefault(value, value))

    def placed(self, value: bytes) -> tuple[Placed, int]:
        """Return which row a gauge is of, and where what its poll tells begins. Raises RecordError."""
        known, head = self._head
        if head is None or not value.startswith(known, HEADER_BYTES):
            head, end = head_of(value)
            known = value[HEADER_BYTES:end]
            self._head = (known, head)
        row, begin = own_of(value, HEADER_BYTES + len(known))
        known, tail = self._tail
        if tail is None or not value.startswith(known, begin):
            tail, end = tail_of(value, begin)
            known = value[begin:end]
            self._tail = (known, tail)
        return self._placed(head, row, tail), begin + len(known)

    def placed_in(self, gauge: WholeGauge) -> Placed:
        """Return which row a gauge is of."""
        return self._placed(gauge, gauge, gauge)

    def told(self, value: bytes, at: int, guess: GaugeLayout) -> RowPoll:
        """Return what a poll tells; it is quickest for a gauge that has the layout. Raises RecordError."""
        slot, behind = long_at(value, at)
        time_ms, behind = long_at(value, behind)
        for layout in (guess, *self._recent):
            numbers = layout.numbers(value, behind)
            if numbers is not None:
                duration_s, numbers = (numbers[0], numbers[1:]) if layout.has_duration else (NO_DURATION, numbers)
                return RowPoll(slot, time_ms, duration_s, numbers, layout)
        rest = rest_of(value, at)
        told = self._told(rest, _words(value, behind, rest))
        self._recent = (told.layout, *self._recent[: _RECENT - 1])
        return told

    def told_in(self, rest: GaugeRest) -> RowPoll:
        """Return what a poll tells."""
        return self._told(rest, ())

    def _placed(self, head: GaugeHead, row: GaugeOwn, tail: GaugeTail) -> Placed:
        dimensions = tuple(row["dimensions"])
        shared = (head, tail, row["interval_s"], dimensions)
        if self._front is None or not _are_same(shared, self._shared):
            constants = (head["site"], head["resource"], head["endpoint"], head["job"], head["group"])
            labels, units = self.once(pairs(tail["labels"])), self.once(pairs(tail["units"]))
            self._front = self.once(Front((*constants, row["interval_s"]), self.once(dimensions), labels, units))
            self._shared = shared
        return Placed(self._front, row["row"], tuple(row["dimensions"].values()))

    def _told(self, rest: GaugeRest, words: tuple[bytes, ...]) -> RowPoll:
        form = RowForm(
            tuple(rest["gauges"]), pairs(rest["states"]), pairs(rest["missing"]), pairs(rest["confidence"])
        )  # fmt: skip
        layout = self._layouts.get((form, words))
        if layout is None:
            if len(self._layouts) > _KNOWN_MOST:
                self._layouts.clear()
            form = self.once(form)
            layout = self._layouts[form, words] = GaugeLayout(form, words, has_duration=rest["duration_s"] is not None)
        duration_s = NO_DURATION if rest["duration_s"] is None else rest["duration_s"]
        numbers = tuple(rest["gauges"].values())
        return RowPoll(rest["slot"], rest["time_ms"], duration_s, numbers, layout, pairs(rest["counters"]))


def pairs(mapping: Mapping[str, V]) -> tuple[tuple[str, V], ...]:
    return tuple(mapping.items())


def _are_same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Return whether head and tail are the last gauge's own, and the rest is equal."""
    return one[0] is other[0] and one[1] is other[1] and one[2:] == other[2:]


def _words(value: bytes, at: int, rest: GaugeRest) -> tuple[bytes, ...]:
    """Return the bytes around a gauge's numbers, none where they are not written as expected.

    Raw counters differ in each poll, so that what is behind the numbers would never come again.
    """
    if rest["counters"]:
        return ()
    has_duration = rest["duration_s"] is not None
    words = [_PRESENT, b""] if has_duration else [_ABSENT]
    for place, name in enumerate(rest["gauges"]):
        words[-1] += b"" if place else long(len(rest["gauges"]))
        words[-1] += text(name)
        words.append(b"")
    words[-1] = value[at + sum(map(len, words)) + 8 * (len(words) - 1) :]
    if len(words) == 1:
        words = [value[at:]]
    made = tuple(words)
    layout = GaugeLayout(NOTHING.form, made, has_duration=has_duration)
    return () if layout.numbers(value, at) is None else made
