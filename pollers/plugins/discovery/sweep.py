"""The discovery plugin `sweep`: asks every address of some prefixes with the site's credentials (docs/discovery.md)."""

import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from hashlib import blake2b
from typing import Final

from pollers.plugins.base import KnownDevice, OptionError, PluginContext, SightingBatch
from pollers.plugins.discovery.naming import Namer
from pollers.plugins.discovery.sweep_targets import Network, Targets, networks, targets
from pollers.plugins.lists import device_list
from pollers.snmp.client import ProbePace, Target
from pollers.snmp.errors import SnmpError
from schemas.records import DEFAULT_TTL_S, IDENTITY_SEPARATOR

OPTIONS: Final = (
    "site", "prefixes", "exclude", "ports", "packets_per_s", "spread", "max_addresses", "timeout_s", "rounds",
    "ping", "class", "subclass", "type", "ttl_s",
)  # fmt: skip
_PARTS: Final = {
    "class": ("resource_class", "network"),
    "subclass": ("resource_subclass", "device"),
    "type": ("resource_type", "snmp"),
}
_MAX_PORT: Final = 65_535
_MAX_ADDRESSES: Final = 65_536  #: of a section, unless it says more
_MOST: Final = 2**31
_SPREAD_SHARE: Final = 0.8  #: of the interval, so that a run is over before the next one
_KEPT_EVERY_MS: Final = 5_000  #: from where a run goes on is kept this often, and whenever something is found


class SweepOptions:
    """Parses the options of `sweep` and `crawl`, and collects every error."""

    def __init__(self, options: Mapping[str, str], known: Sequence[str]) -> None:
        self._options = options
        self.problems = {name: f"expected one of {', '.join(known)}" for name in options if name not in known}

    def number(self, name: str, default: int, most: int) -> int:
        text = self._options.get(name, str(default))
        number = device_list.whole_number(text, most)
        if number is None:
            self.problems[name] = f"expected a whole number from 1 to {most}, found {text!r}"
        return number or default

    def numbers(self, name: str, default: str, most: int) -> Sequence[int]:
        texts = self._options.get(name, default).replace(",", " ").split()
        found = [device_list.whole_number(text, most) for text in texts]
        if not found or None in found:
            self.problems[name] = f"expected whole numbers from 1 to {most}, found {self._options.get(name)!r}"
        return tuple(dict.fromkeys(number for number in found if number is not None)) or (1,)

    def yes(self, name: str, *, default: bool) -> bool:
        text = self._options.get(name, "yes" if default else "no").lower()
        if text not in {"yes", "no", "true", "false"}:
            self.problems[name] = f"expected yes or no, found {text!r}"
        return text in {"yes", "true"}

    def networks(self, name: str, *, needed: bool) -> Sequence[Network]:
        text = self._options.get(name, "")
        if needed and not text.strip():
            self.problems[name] = "expected prefixes like 192.0.2.0/24, or addresses"
        try:
            return networks(text, name)
        except OptionError as problem:
            self.problems.update(problem.problems)
            return ()

    def part(self, name: str, default: str = "") -> str:
        text = self._options.get(name, default).strip()
        if not text or IDENTITY_SEPARATOR in text or not text.isprintable():
            self.problems[name] = f"expected printable text without {IDENTITY_SEPARATOR!r}, found {text!r}"
        return text

    def parts(self) -> dict[str, str]:
        """Return class, subclass and type of new devices."""
        return {field: self.part(name, default) for name, (field, default) in _PARTS.items()}


class Sweep:
    """Asks every address that the inventory does not have."""

    def __init__(self, context: PluginContext) -> None:
        """Raises OptionError."""
        self._context = context
        options = SweepOptions(context.options, OPTIONS)
        self.site = options.part("site")
        self.networks = options.networks("prefixes", needed=True)
        exclude = options.networks("exclude", needed=False)
        self.targets: Targets = targets(self.networks, exclude, options.numbers("ports", "161", _MAX_PORT))
        self._packets_per_s = options.number("packets_per_s", 500, 100_000)
        self._spread = options.yes("spread", default=True)
        self._timeout_s = options.number("timeout_s", 1, 60)
        self._rounds = options.number("rounds", 2, 10)
        self._ping = options.yes("ping", default=False)
        self._parts = options.parts()
        self._ttl_s = options.number("ttl_s", DEFAULT_TTL_S, device_list.MAX_TTL_S)
        most = options.number("max_addresses", _MAX_ADDRESSES, _MOST)
        if self.targets.addresses > most and "prefixes" not in options.problems:
            options.problems["prefixes"] = (
                f"{self.targets.addresses} addresses are more than {most}: say max_addresses = {self.targets.addresses}"
                " if that is meant"
            )
        if options.problems:
            raise OptionError(options.problems)

    @property
    def pace(self) -> ProbePace:
        """Return the rate limits: spread over the interval, or as fast as allowed."""
        rate = float(self._packets_per_s)
        if self._spread and self._context.interval_s:
            packets = self.targets.total * self._rounds
            rate = min(rate, max(1.0, packets / (self._context.interval_s * _SPREAD_SHARE)))
        return ProbePace(packets_per_s=rate, timeout_s=self._timeout_s, rounds=self._rounds, ping=self._ping)

    async def discover(self, known: KnownDevice, state: bytes | None) -> AsyncGenerator[SightingBatch, None]:
        """Yield the devices that answer, continuing where the last run was interrupted."""
        context, total = self._context, self.targets.total
        namer = Namer(
            section=context.section, site=self.site, parts=self._parts, ttl_s=self._ttl_s, known=known,
            classify=context.classify,
        )  # fmt: skip
        begin = self._begin(state)
        asked = Asked(self.targets, begin, lambda target: self.is_wanted(known, target))
        kept_ms, unsendable = context.now_ms(), 0
        try:
            async with aclosing(context.snmp.probe(self.site, iter(asked), self.pace)) as steps:
                async for step in steps:
                    found = [namer.sighting(answer, context.now_ms()) for answer in step.found]
                    done, unsendable = asked.settle(step.asked), step.unsendable
                    if found or context.now_ms() - kept_ms >= _KEPT_EVERY_MS:
                        kept_ms = context.now_ms()
                        yield SightingBatch(resources=found, state=self._state(done), done=done, total=total)
        except SnmpError as problem:
            yield SightingBatch(problems=(str(problem),), failed=str(problem))
            return
        problems = (f"{unsendable} packets could not be sent: no route, or a full buffer",) if unsendable else ()
        yield SightingBatch(problems=problems, state=b"", done=total, total=total)

    def is_wanted(self, known: KnownDevice, target: Target) -> bool:
        """Return whether to ask an address: unknown ones, and known devices that expire soon unless this section sees
        them.

        What another site has is never sent this one's credentials.
        """
        sites = known.sites_at(target.host)
        if not sites:
            return True
        resource = known.at(self.site, target.host)
        if resource is None or self._context.section not in resource.plugins:
            return False
        return (self._context.now_ms() - resource.last_seen_ms) * 2 >= resource.ttl_s * 1000

    def _begin(self, state: bytes | None) -> int:
        """Return the number of the target to go on with: the first, where the state is of other targets."""
        try:
            kept = json.loads(state or b"{}")
            begin = kept["at"] if kept.get("of") == self._digest() else 0
        except (ValueError, KeyError, AttributeError):
            return 0
        return begin if isinstance(begin, int) and 0 <= begin < self.targets.total else 0

    def _state(self, done: int) -> bytes:
        return json.dumps({"of": self._digest(), "at": done}).encode()

    def _digest(self) -> str:
        return blake2b(repr(self.targets).encode(), digest_size=8).hexdigest()


class Asked:
    """The targets that are being asked, and how many have been finished."""

    def __init__(self, all_targets: Targets, begin: int, is_wanted: Callable[[Target], bool]) -> None:
        self._targets, self._is_wanted = all_targets, is_wanted
        self._begin = self._done = begin
        self._ends: list[int] = []

    def __iter__(self) -> Iterator[Target]:
        for number, target in enumerate(self._targets.from_(self._begin), self._begin + 1):
            if self._is_wanted(target):
                self._ends.append(number)
                yield target

    def settle(self, count: int) -> int:
        """Mark the next `count` asked targets as finished, and return how many of all targets are."""
        if count:
            self._done = self._ends[count - 1]
            del self._ends[:count]
        return self._done


def create(context: PluginContext) -> Sweep:
    """Return the plugin. Raises OptionError."""
    return Sweep(context)
