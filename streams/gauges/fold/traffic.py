"""Pairs octet and packet counters of the same traffic, by their units and names.

`octets_in`, `unicast_packets_in` and `broadcast_packets_in` count the same frames; `errors_in` and `discards_out` are
counted in packets too, but need not have come through.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from streams.gauges.limits import FILLS_A_LINE, SMALLEST_ETHERNET_FRAME_BITS, SMALLEST_PACKET_BITS
from streams.gauges.samples.sample import CounterSpec, Fixed

_OCTETS: Final = frozenset({"octets", "bytes", "bits"})
_PACKETS: Final = frozenset({"packets", "pkts"})
#: kinds of packets that come through
_CASTS: Final = frozenset({"unicast", "multicast", "broadcast", "nonunicast", "total"})
_FAILED: Final = frozenset({"error", "errors", "discard", "discards", "discarded", "drop", "drops", "dropped"})


#: the dimension that says what a row's line is, and how it says Ethernet (IANAifType-MIB)
_MEDIA_TYPE: Final = "media_type"
_ETHERNET: Final = "ethernetCsmacd"


class Way(NamedTuple):
    """The counters of one direction of a row, such as in or out, as positions."""

    octets: int
    packets: tuple[int, ...]  #: of the same way; one at least


def carries_packets(name: str, unit: str) -> bool:
    """Return whether a counter counts packets that were forwarded."""
    words = frozenset(name.split("_"))
    return unit == "packets" and bool(words & (_PACKETS | _CASTS)) and not words & _FAILED


def smallest_packets_bits(spec: CounterSpec, fixed: Fixed) -> tuple[int, ...]:
    """Return for each row the least bits on the line for one unit of the counter.

    What failed may be less than a whole frame, and what was discarded need not have been on this line.
    """
    media = dict(fixed.dimensions).get(_MEDIA_TYPE)
    if media is None or not carries_packets(spec.name, spec.unit):
        return (SMALLEST_PACKET_BITS,) * len(fixed.row_keys)
    return tuple(SMALLEST_ETHERNET_FRAME_BITS if one == _ETHERNET else SMALLEST_PACKET_BITS for one in media)


def ways_of(counters: Sequence[CounterSpec]) -> tuple[Way, ...]:
    """Return each octet counter that has packet counters of the same direction."""
    packets: dict[frozenset[str], list[int]] = {}
    for position, spec in enumerate(counters):
        if carries_packets(spec.name, spec.unit):
            packets.setdefault(_way(spec.name), []).append(position)
    return tuple(
        Way(position, tuple(packets[way]))
        for position, spec in enumerate(counters)
        if spec.unit in FILLS_A_LINE and _OCTETS & set(spec.name.split("_")) and (way := _way(spec.name)) in packets
    )


def _way(name: str) -> frozenset[str]:
    return frozenset(name.split("_")) - _OCTETS - _PACKETS - _CASTS
