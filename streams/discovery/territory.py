"""Refuses sections of two sites that would send their credentials to the same addresses."""

import ipaddress
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from streams.discovery.runs import Plugin
from streams.runtime.plugins import Installed
from streams.runtime.settings.loading import SettingsError

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class Territory(NamedTuple):
    title: str
    zone: str
    site: str
    networks: Sequence[Network]


@runtime_checkable
class Asking(Protocol):
    """A discovery plugin that chooses the addresses to which it sends a site's credentials."""

    site: str
    networks: Sequence[Network]


def refuse_overlaps(plugins: Sequence[Installed[Plugin]]) -> None:
    """Raise SettingsError where sections of one zone would send credentials of two sites to the same addresses."""
    territories = [
        Territory(plugin.section.title, plugin.section.zone, plugin.instance.site, plugin.instance.networks)
        for plugin in plugins
        if isinstance(plugin.instance, Asking)
    ]
    problems = [
        f"[{one.title}] and [{other.title}]: {shared} is both site {one.site}'s and site {other.site}'s:"
        " one of them would be sent the other's credentials"
        for one, other in combinations(territories, 2)
        if one.zone == other.zone and one.site != other.site and (shared := _shared(one, other)) is not None
    ]
    if problems:
        raise SettingsError(*problems)


def _shared(one: Territory, other: Territory) -> Network | None:
    for mine in one.networks:
        for theirs in other.networks:
            if mine.version == theirs.version and mine.overlaps(theirs):
                return mine if mine.prefixlen >= theirs.prefixlen else theirs
    return None
