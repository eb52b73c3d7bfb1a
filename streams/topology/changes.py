"""The differences between the links in the topic and those reported now; time is an argument."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from schemas.records import Link, LinkEnd, LinkState
from streams.topology.links import DOWN, end_key, names_of
from streams.topology.told import Told

#: how long a link that nobody tells of any more is remembered
GONE_FOR_MS: Final = 7 * 86_400_000


class Changes(NamedTuple):
    """The records to publish: new and changed ones first, then, once stored, the tombstones."""

    records: Mapping[str, Link]
    tombstones: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.records or self.tombstones)


def changes(
    standing: Mapping[str, Link], current: Mapping[str, Link], everyone: Mapping[str, Told], now_ms: int
) -> Changes:
    """Return the changes from the links in the topic to those reported now.

    A link that stands under another of its names (an end was not known, or is not any more) goes at once, and what
    replaces it keeps its `since`. Links that nobody tells of are down while a port of theirs is, else gone, and end
    after seven days.
    """
    lost = {key: link for key, link in standing.items() if key not in current}
    renamed = _renamed(lost, current) if lost else {}
    before = {new: lost[old] for old, new in sorted(renamed.items())} | dict(standing)
    records: dict[str, Link] = {}
    for key, link in current.items():
        stood = before.get(key)
        known = link if stood is None or stood.state is not link.state else replace(link, since_ms=stood.since_ms)
        if known != standing.get(key):
            records[key] = known
    tombstones = list(renamed)
    busy = {end_key(end) for link in current.values() for end in link.ends}
    for key, link in lost.items():
        if key not in renamed:
            left = _untold(link, busy, everyone, now_ms)
            if left is None:
                tombstones.append(key)
            elif left != link:
                records[key] = left
    return Changes(records, sorted(tombstones))


def _renamed(lost: Mapping[str, Link], current: Mapping[str, Link]) -> dict[str, str]:
    """Return old key -> new key of the links that are told under another name now."""
    named = {name: old for old, link in lost.items() for name in names_of(link)}
    found: dict[str, str] = {}
    for new, link in current.items():
        for name in names_of(link):
            if name in named:
                found[named[name]] = new
    return found


def _untold(link: Link, busy: set[str], everyone: Mapping[str, Told], now_ms: int) -> Link | None:
    """Return a link that neither end tells of any more, or None where that has been so for long enough."""
    ends = tuple(replace(end, says=(), oper_state=_oper_state(end, everyone, now_ms)) for end in link.ends)
    is_down = any(end.oper_state in DOWN for end in ends) and not any(end_key(end) in busy for end in ends)
    is_old = now_ms - link.since_ms >= GONE_FOR_MS
    if link.state is LinkState.GONE:
        return None if is_old else link
    if is_down and not (link.state is LinkState.DOWN and is_old):
        since_ms = link.since_ms if link.state is LinkState.DOWN else now_ms
        return replace(link, ends=ends, state=LinkState.DOWN, since_ms=since_ms)
    return replace(link, ends=ends, state=LinkState.GONE, since_ms=now_ms)


def _oper_state(end: LinkEnd, everyone: Mapping[str, Told], now_ms: int) -> str:
    told = everyone.get(end.resource)
    port = told.ports.get(end.row) if told is not None and now_ms < told.until_ms else None
    return port.oper_state if port is not None else ""
