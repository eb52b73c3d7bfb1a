"""BGP4-MIB (RFC 4273) of a simulated device."""

import ipaddress
from typing import Final

from streams.playground.simulators import ber
from streams.playground.simulators.ber import Cell, Cells
from streams.playground.simulators.peers import Peer
from streams.playground.simulators.waves import Wave

BGP: Final = (1, 3, 6, 1, 2, 1, 15)
PEER_ENTRY: Final = (*BGP, 3, 1)
ENTRIES: Final = (PEER_ENTRY,)
STATES: Final = {"active": 3, "established": 6}
PORT: Final = 179
NO_ERROR: Final = bytes(2)
HOLD_TIMER_EXPIRED: Final = bytes((4, 0))


def cells(local_as: int, peers: tuple[Peer, ...], identifier: str, epoch_s: float) -> Cells:
    """Return the values by OID, with counters starting at epoch_s."""
    found: Cells = {
        (*BGP, 1, 0): ber.octets(b"\x10"),
        (*BGP, 2, 0): ber.signed(local_as),
        (*BGP, 4, 0): _address(identifier),
    }
    for peer in peers:
        index = tuple(ipaddress.IPv4Address(peer.address).packed)
        found |= {(*PEER_ENTRY, column, *index): value for column, value in _peer(peer, epoch_s).items()}
    return found


def _address(text: str) -> bytes:
    return ber.element(ber.IP_ADDRESS, ipaddress.IPv4Address(text).packed)


def _peer(peer: Peer, epoch_s: float) -> dict[int, bytes | Cell]:
    since_s = peer.established_s or 0.0

    def counter(wave: Wave) -> Cell:
        return lambda at_s: ber.unsigned(ber.COUNTER32, int(wave.total(at_s - epoch_s) - wave.total(-since_s)) % 2**32)

    def age(at_s: float) -> bytes:
        return ber.unsigned(ber.GAUGE32, int(at_s - epoch_s + since_s))

    up = peer.established_s is not None
    return {
        1: _address(peer.identifier if up else "0.0.0.0"),  # noqa: S104 (of a peer that is not known yet)
        2: ber.signed(STATES[peer.state]),
        3: ber.signed(2),
        4: ber.signed(4 if up else 0),
        5: _address(peer.local_address),
        6: ber.signed(PORT),
        7: _address(peer.address),
        8: ber.signed(PORT),
        9: ber.signed(peer.remote_as),
        10: counter(peer.updates_in),
        11: counter(peer.updates_out),
        12: counter(peer.messages_in),
        13: counter(peer.messages_out),
        14: ber.octets(NO_ERROR if up else HOLD_TIMER_EXPIRED),
        15: ber.unsigned(ber.COUNTER32, 1 if up else 0),
        16: age if up else ber.unsigned(ber.GAUGE32, 0),
        17: ber.signed(120),
        18: ber.signed(90 if up else 0),
        19: ber.signed(30 if up else 0),
        20: ber.signed(90),
        21: ber.signed(30),
        22: ber.signed(15),
        23: ber.signed(30),
        24: ber.unsigned(ber.GAUGE32, 3),
    }
