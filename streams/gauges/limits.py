"""Plausibility limits for rates, by unit and line speed."""

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

#: the smallest packet that is counted: a bare IPv4 header (RFC 791 §3.1), whatever the link adds to it
SMALLEST_PACKET_BITS: Final = 160
#: a frame of 64 octets, and 8 of preamble and 12 of gap before the next (IEEE 802.3 §3.1.1, §4.4.2)
SMALLEST_ETHERNET_FRAME_BITS: Final = 672

#: units that fill a line, and the bits that one takes: where the line's speed is unknown, a 32-bit counter of one may
#: wrap unseen
FILLS_A_LINE: Final = {"bits": 1.0, "octets": 8.0}
#: what happens to packets, once to each at most; other units have nothing to do with a line's speed
HAPPENS_TO_PACKETS: Final = frozenset(
    {"packets", "errors", "discards", "drops", "frames", "collisions", "datagrams", "segments"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
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


def bound(
    unit: str, line_rate_bits_per_s: int, limits: RateLimits, smallest_packet_bits: int = SMALLEST_PACKET_BITS
) -> Bound:
    """Return the bounds for a counter of that unit on a line of that speed (0 where unknown).

    What happens to packets is no faster than packets can be, and neither is a wrap of any other unit: otherwise a
    counter that a line card cleared would read as 2^32 of them. Only packets themselves are taken to be so many that a
    wrap of theirs goes unseen.
    """
    line = line_rate_bits_per_s * limits.line_rate_margin
    if line <= 0:
        return Bound(math.inf, math.inf, math.inf if unit in FILLS_A_LINE else -math.inf)
    if unit in FILLS_A_LINE:
        most = line / FILLS_A_LINE[unit]
        return Bound(most, most, most)
    most = line / smallest_packet_bits
    return Bound(
        rise=most if unit in HAPPENS_TO_PACKETS else math.inf,
        wrap=most,
        unseen=most if unit == "packets" else -math.inf,
    )
