"""Derives the links from all neighbour reports: a pure fold, independent of their order."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from schemas.records import Link, LinkEnd, LinkState
from streams.topology.matching import Directory, MatchedEnds
from streams.topology.told import Told, ToldBy, ToldPort

UNIT: Final = "\x1f"  #: between the parts of an end's key
ENDS: Final = "\x1e"  #: between both ends
#: ifOperStatus of a port that carries nothing
DOWN: Final = frozenset({"down", "lowerLayerDown", "notPresent"})
_CDP: Final = "cdp"


class _Half(NamedTuple):
    """The report of one end: its neighbour, and the protocol."""

    near: str  #: identity
    said: ToldBy
    far: MatchedEnds


def end_key(end: LinkEnd) -> str:
    """Return identity and row of a known end, else chassis and port in hexadecimal."""
    return f"{end.resource}{UNIT}{end.row}" if end.resource and end.row else unknown_key(end)


def unknown_key(end: LinkEnd) -> str:
    """Return the key of an end while it is unknown."""
    return f"{_hex(end.chassis_id)}{UNIT}{_hex(end.port_id)}"


def _hex(text: str) -> str:
    return text.encode().hex()


def names_of(link: Link) -> frozenset[str]:
    """Return every key that the link may have, with each end known or not."""
    first, second = ({end_key(end), unknown_key(end)} for end in link.ends)
    return frozenset(ENDS.join(sorted((one, other))) for one in first for other in second)


def links_of(everyone: Mapping[str, Told], now_ms: int) -> dict[str, Link]:
    """Return all links by key, in states that begin at `now_ms`; expired reports are ignored."""
    directory = Directory(everyone)
    spoken: dict[str, dict[str, set[str]]] = {}
    ends: dict[str, LinkEnd] = {}
    for identity in sorted(everyone):
        near = everyone[identity]
        if now_ms >= near.until_ms:
            continue
        for half in _halves(near, directory):
            here = _known_end(near, half.said.row, now_ms)
            there = _far_end(half, everyone, now_ms)
            here_key, there_key = end_key(here), end_key(there)
            ends[here_key] = _richer(ends.get(here_key), here)
            ends[there_key] = _richer(ends.get(there_key), there)
            if here_key != there_key:
                key = ENDS.join(sorted((here_key, there_key)))
                spoken.setdefault(key, {}).setdefault(here_key, set()).add(half.said.protocol)
    return {key: _link(key, says, ends, now_ms) for key, says in spoken.items()}


def _link(key: str, says: Mapping[str, set[str]], ends: Mapping[str, LinkEnd], now_ms: int) -> Link:
    both = tuple(replace(ends[end], says=tuple(sorted(says.get(end, ())))) for end in key.split(ENDS))
    speeds = [end.speed_bits_per_s for end in both if end.speed_bits_per_s is not None]
    if any(end.oper_state in DOWN for end in both):
        state = LinkState.DOWN
    else:
        state = LinkState.UP if all(end.says for end in both) else LinkState.ONE_SIDED
    return Link(ends=both, state=state, since_ms=now_ms, speed_bits_per_s=min(speeds, default=None))


def _halves(near: Told, directory: Directory) -> Iterable[_Half]:
    """Return what one resource says, each neighbour on a port once for each protocol that knows it."""
    by_row: dict[str, list[_Half]] = {}
    for said in near.neighbours:
        by_row.setdefault(said.row, []).append(_Half(near.identity, said, directory.match(said)))
    for halves in by_row.values():
        lldp = [half for half in halves if half.said.protocol != _CDP]
        # both protocols may speak of one neighbour, and one of them may know less of it
        merged = {half: _same(half, lldp) for half in halves if half.said.protocol == _CDP}
        better = {other: half for half, other in merged.items() if other and not other.far.row and half.far.row}
        for half in halves:
            other = better.get(half) or merged.get(half)
            if other is None or half.far.row:
                yield half
            else:
                said = other.said._replace(protocol=half.said.protocol)
                yield half._replace(far=other.far, said=said)


def _same(half: _Half, others: Iterable[_Half]) -> _Half | None:
    """Return the one statement on the same port that speaks of the same neighbour."""
    name = half.said.system_name.lower()
    found = [
        other
        for other in others
        if (other.far.resource and other.far.resource == half.far.resource)
        or (name and other.said.system_name.lower() == name)
    ]
    return found[0] if len(found) == 1 else None


def _known_end(told: Told, row: str, now_ms: int) -> LinkEnd:
    port = told.ports.get(row)
    fresh = port is not None and now_ms < told.until_ms
    return LinkEnd(
        resource=told.identity,
        row=row,
        chassis_id=_chassis_of(told),
        port_id=_id_of(port) if port is not None else row,
        oper_state=port.oper_state if port is not None and fresh else "",
        speed_bits_per_s=port.speed_bits_per_s if port is not None else None,
    )


def _chassis_of(told: Told) -> str:
    """Return what neighbours call it: its chassis id, or the name by which CDP knows it."""
    return next(iter((*told.chassis_ids, *told.names)), "")


def _id_of(port: ToldPort) -> str:
    return port.lldp_id or port.row


def _far_end(half: _Half, everyone: Mapping[str, Told], now_ms: int) -> LinkEnd:
    said, far = half.said, half.far
    end = _known_end(everyone[far.resource], far.row, now_ms) if far.resource and far.row else LinkEnd()
    return LinkEnd(
        resource=far.resource,
        row=far.row,
        chassis_id=said.chassis_id or said.system_name,
        port_id=said.port_id,
        port_description=said.port_description,
        system_name=said.system_name,
        addresses=said.addresses,
        oper_state=end.oper_state,
        speed_bits_per_s=end.speed_bits_per_s,
        why=far.why,
    )


def _richer(one: LinkEnd | None, other: LinkEnd) -> LinkEnd:
    """Return of two descriptions of an end the one that tells more; of equal ones the first in order."""
    return other if one is None else max(one, other, key=_richness)


def _richness(end: LinkEnd) -> tuple[object, ...]:
    heard = (end.system_name, end.port_description, tuple(end.addresses), end.chassis_id, end.port_id, end.why)
    # heard before not heard, and by LLDP before CDP, which has only names: old keys are made of what was heard
    return (any(heard[:3]), end.chassis_id not in ("", end.system_name), sum(map(bool, heard)), *heard)
