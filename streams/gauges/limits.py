"""What a rate has to keep to, and what each unit has to do with the speed of a line."""

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

#: the smallest packet that is counted: a bare IPv4 header (RFC 791 §3.1), whatever the link adds to it
SMALLEST_PACKET_BITS: Final = 160

#: bits of line that one unit takes at least; a unit that is not here has no bound of its own
BITS_PER_UNIT: Final = {"bits": 1.0, "octets": 8.0, "packets": float(SMALLEST_PACKET_BITS)}

#: units that fill a line: where its speed is unknown, a 32-bit counter of one may wrap unseen
FILLS_A_LINE: Final = frozenset({"bits", "octets"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The settings of the counter-to-rate conversion."""

    #: factor on the line's speed above which a rate is refused; counters that the device refreshes every few seconds
    #: look faster than the line by that share of the interval
    line_rate_margin: float = 1.1
    max_gap_intervals: int = 3  #: a rate is the mean over at most so many intervals (and half of one for lateness)
    min_intervals: float = 0.1  #: and over at least so many
    clock_tolerance_s: float = 1.0  #: uptime and our clock may differ so much between two polls ...
    clock_tolerance_share: float = 0.02  #: ... or by this share of the time between them
    #: where uptime is not known, polls may be that share of an interval nearer or farther than their slots
    lateness_share: float = 0.1


class Bound(NamedTuple):
    """The largest rate that is believed, in the unit per second; infinite where nothing is known."""

    rise: float  #: of a counter that rose
    wrap: float  #: of a 32-bit counter that fell
    unseen: float  #: of a 32-bit counter that rose, with a wrap added: at or below this, it may have wrapped


def bound(unit: str, line_rate_bits_per_s: int, limits: Limits) -> Bound:
    """Return the bounds of a counter of that unit on a line of that speed (0 where unknown).

    Errors, discards and whatever else happens to packets have no bound of their own, but no wrap of theirs may be
    faster than packets can be: otherwise a counter that a line card cleared would read as 2^32 of them.
    """
    line = line_rate_bits_per_s * limits.line_rate_margin
    if line <= 0:
        return Bound(math.inf, math.inf, math.inf if unit in FILLS_A_LINE else -math.inf)
    if unit in BITS_PER_UNIT:
        most = line / BITS_PER_UNIT[unit]
        return Bound(most, most, most)
    return Bound(math.inf, line / SMALLEST_PACKET_BITS, -math.inf)
