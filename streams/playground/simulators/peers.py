"""BGP sessions as one end sees them, and their true state; times are seconds since the epoch."""

from typing import NamedTuple

from streams.playground.simulators.levels import LevelRow
from streams.playground.simulators.waves import Wave

GROUP = "bgp_peer"


class Peer(NamedTuple):
    address: str
    local_address: str
    remote_as: int
    identifier: str  #: the far end's BGP identifier
    established_s: float | None  #: for how long at the epoch; None: the far end does not answer
    updates_in: Wave = Wave(0.0)
    updates_out: Wave = Wave(0.0)
    messages_in: Wave = Wave(0.0)
    messages_out: Wave = Wave(0.0)

    @property
    def state(self) -> str:
        return "active" if self.established_s is None else "established"


def rows(peers: tuple[Peer, ...], from_s: float, to_s: float) -> dict[tuple[str, str], LevelRow]:
    """Return (group, row) -> the values that a gauge of it must have over that stretch."""
    found = {}
    for peer in peers:
        waves = {name: getattr(peer, name) for name in ("updates_in", "updates_out", "messages_in", "messages_out")}
        rates = {name: wave.mean(from_s, to_s) for name, wave in waves.items()} if to_s > from_s else {}
        found[GROUP, peer.address] = LevelRow(rates=rates, states={"peer_state": peer.state})
    return found
