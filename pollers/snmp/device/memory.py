"""Remembers each device between polls: credential, page size, known rows, silence (pure: the time is an argument)."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pollers.snmp.client import Device
from pollers.snmp.credentials import Credential
from pollers.snmp.limits import Limits
from pollers.snmp.tables.paging import Paging
from pollers.snmp.tables.rowset import RowSet

DEFAULT_PORT: Final = 161
_FORGET_AFTER_S: Final = 86_400.0
_LOOK_EVERY: Final = 4096  #: polls between two looks for devices to forget


@dataclass(slots=True)
class Silence:
    """A device that does not answer, and the time of its next probe."""

    since_ms: int  #: Unix milliseconds
    since_s: float
    interval_s: float
    next_probe_s: float

    def due(self, now_s: float) -> bool:
        return now_s >= self.next_probe_s

    def lasts(self, now_s: float, limits: Limits) -> None:
        """Record an unanswered probe: the next one waits twice as long, up to the setting."""
        self.interval_s = min(limits.probe_max_s, self.interval_s * 2)
        self.next_probe_s = now_s + self.interval_s


@dataclass(slots=True)
class DeviceMemory:
    """What is remembered of one device."""

    paging: Paging
    limits: Limits
    used_s: float
    credential: Credential | None = None  #: the one that fits
    silence: Silence | None = None
    address: tuple[int, tuple[str, int] | tuple[str, int, int, int]] | None = None  #: family and socket address
    resolved_s: float = 0.0
    row_sets: dict[tuple[bytes, ...], RowSet] = field(default_factory=dict)
    usm: object | None = None  #: v3: what the native engine knows of this device's engine id, boots and time

    def silent(self, now_s: float, now_ms: int, limits: Limits) -> None:
        """Record a poll without any answer."""
        if self.silence is None:
            first = limits.probe_first_s
            self.silence = Silence(now_ms, now_s, first, now_s + first)
        else:
            self.silence.lasts(now_s, limits)

    def answered(self) -> None:
        self.silence = None


class Devices:
    """Memories by device; a device that is not polled for a day is forgotten."""

    def __init__(self, limits: Limits, limits_of: Callable[[Device], Limits] | None = None) -> None:
        self._limits_of = limits_of or (lambda _device: limits)
        self._memories: OrderedDict[Device, DeviceMemory] = OrderedDict()
        self._polls = 0

    def recall(self, device: Device, now_s: float) -> DeviceMemory:
        """Return the memory of a device, a new one where there is none."""
        found, limits = self._memories.get(device), self._limits_of(device)
        if found is None:
            found = self._memories[device] = DeviceMemory(Paging(limits), limits, now_s)
        else:
            self._memories.move_to_end(device)
        if found.limits is not limits:
            found.paging, found.limits = Paging(limits), limits
        found.used_s = now_s
        self._polls += 1
        if self._polls % _LOOK_EVERY == 0:
            self._forget(now_s)
        return found

    def _forget(self, now_s: float) -> None:
        while self._memories:
            device, memory = next(iter(self._memories.items()))
            if now_s - memory.used_s < _FORGET_AFTER_S:
                return
            del self._memories[device]

    def __len__(self) -> int:
        return len(self._memories)

    @property
    def silent(self) -> int:
        """Return the number of devices that are known not to answer."""
        return sum(memory.silence is not None for memory in self._memories.values())


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """Split host, host:port, [v6]:port or a bare IPv6 address into host and port. Raises ValueError."""
    text, port = endpoint.strip(), ""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"not an endpoint: {endpoint!r}: expected [v6-address]:port")
        port = rest[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host = text
    number = int(port) if port.isdecimal() else DEFAULT_PORT if not port else -1
    if not host or not 0 < number < 65536:
        raise ValueError(f"not an endpoint: {endpoint!r}: expected host, host:port or [v6-address]:port")
    return host, number
