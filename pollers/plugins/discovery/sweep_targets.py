"""Turns prefixes and excludes into numbered addresses, so that a sweep can resume at any of them (pure)."""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from pollers.plugins.base import OptionError
from pollers.snmp.client import Target

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_V4_MAX: Final = 2**32 - 1


class Range(NamedTuple):
    version: int
    first: int
    last: int  #: included

    @property
    def size(self) -> int:
        return self.last - self.first + 1


class Targets(NamedTuple):
    """The addresses of a sweep: ranges, each address at each port."""

    ranges: Sequence[Range]
    ports: Sequence[int]

    @property
    def addresses(self) -> int:
        return sum(each.size for each in self.ranges)

    @property
    def total(self) -> int:
        return self.addresses * len(self.ports)

    def from_(self, start: int) -> Iterator[Target]:
        """Yield the targets from a number (0 to `total`) on."""
        ports = self.ports
        at, port = divmod(start, len(ports))
        for version, first, last in self.ranges:
            size = last - first + 1
            if at >= size:
                at -= size
                continue
            make = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
            for number in range(first + at, last + 1):
                host = str(make(number))
                for each in ports[port:]:
                    yield Target(host, each)
                port = 0
            at = 0


def networks(text: str, option: str) -> Sequence[Network]:
    """Parse prefixes and addresses that are separated by commas or spaces. Raises OptionError."""
    found: list[Network] = []
    for each in text.replace(",", " ").split():
        try:
            network = ipaddress.ip_network(each)
        except ValueError as problem:
            raise OptionError({option: _wrong(each, problem)}) from None
        if network.is_multicast or (network.version == 4 and int(network.broadcast_address) == _V4_MAX):
            raise OptionError({option: f"expected unicast addresses, found {each!r}"})
        found.append(network)
    return found


def _wrong(text: str, problem: ValueError) -> str:
    try:
        whole = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"expected prefixes like 192.0.2.0/24 or addresses, found {text!r} ({problem})"
    return f"expected a prefix without host bits, found {text!r}: write {whole}, or the address alone"


def targets(prefixes: Iterable[Network], excludes: Iterable[Network], ports: Sequence[int]) -> Targets:
    """Return the addresses of the prefixes, each once, without the excluded ones.

    The first and last address of an IPv4 prefix shorter than /31, its network's and its broadcast's, are left out.
    """
    ranges = [_range(prefix) for prefix in prefixes]
    cuts = sorted(Range(each.version, int(each.network_address), int(each.broadcast_address)) for each in excludes)
    return Targets([left for each in _joined(ranges) for left in _without(each, cuts)], tuple(ports))


def _range(prefix: Network) -> Range:
    first, last = int(prefix.network_address), int(prefix.broadcast_address)
    if prefix.version == 4 and prefix.prefixlen < 31:
        first, last = first + 1, last - 1
    return Range(prefix.version, first, last)


def _joined(ranges: Iterable[Range]) -> Sequence[Range]:
    joined: list[Range] = []
    for each in sorted(ranges):
        before = joined[-1] if joined else None
        if before is not None and before.version == each.version and each.first <= before.last + 1:
            joined[-1] = before._replace(last=max(before.last, each.last))
        else:
            joined.append(each)
    return joined


def _without(whole: Range, cuts: Iterable[Range]) -> Iterator[Range]:
    first = whole.first
    for cut in cuts:
        if cut.version != whole.version or cut.last < first or cut.first > whole.last:
            continue
        if cut.first > first:
            yield whole._replace(first=first, last=cut.first - 1)
        first = cut.last + 1
    if first <= whole.last:
        yield whole._replace(first=first)
