"""The contents of the live view: a fold over gauges and poll statuses; times are arguments."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypedDict

RATE_WINDOW_S: Final = 30.0
KEPT: Final = 5_000
GOOD: Final = ("SUCCESS", "PARTIAL")
BITS_PER_OCTET: Final = 8
#: a device or an interface that was not heard of for so long is not shown as current
STALE_S: Final = 120.0


class BoardGaugeForm(TypedDict):
    """The fields of a gauge that the view reads."""

    resource: str
    row: str
    slot: int
    gauges: Mapping[str, float]
    dimensions: Mapping[str, str]
    missing: Mapping[str, str]


class BoardStatusForm(TypedDict):
    """The fields of a poll's status that the view reads."""

    resource: str
    endpoint: str
    slot: int
    outcome: str
    reason: str
    started_at_ms: int
    lateness_ms: int


class Traffic(NamedTuple):
    """The last gauge of one interface."""

    device: str
    row: str
    alias: str
    bits_in_per_s: float
    bits_out_per_s: float
    slot: int


class BoardRow(NamedTuple):
    """The last poll of one device."""

    device: str
    endpoint: str
    outcome: str
    reason: str
    slot: int


@dataclass
class Board:
    """The contents of the live view."""

    polls: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))  #: when each poll began, Unix seconds
    published: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT * 10))  #: when each gauge was stored
    lateness_ms: deque[int] = field(default_factory=lambda: deque(maxlen=KEPT))
    end_to_end_s: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    devices: dict[str, BoardRow] = field(default_factory=dict)
    traffic: dict[tuple[str, str], Traffic] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)  #: of absent rates
    gauges: int = 0
    dead_letters: int = 0
    unreadable: int = 0  #: records
    first_gauge_s: float | None = None

    def gauge(self, gauge: BoardGaugeForm, stored_s: float) -> None:
        """Take a gauge that was stored at that time."""
        self.gauges += 1
        self.first_gauge_s = self.first_gauge_s or stored_s
        self.published.append(stored_s)
        self.end_to_end_s.append(stored_s - gauge["slot"])
        self.reasons.update(set(gauge["missing"].values()))
        rates, device = gauge["gauges"], _name(gauge["resource"])
        if "octets_in" in rates and "octets_out" in rates:
            self.traffic[device, gauge["row"]] = Traffic(
                device,
                gauge["row"],
                gauge["dimensions"].get("alias", ""),
                rates["octets_in"] * BITS_PER_OCTET,
                rates["octets_out"] * BITS_PER_OCTET,
                gauge["slot"],
            )

    def status(self, status: BoardStatusForm) -> None:
        """Take a poll status; the one with the latest slot is kept for each device."""
        self.polls.append(status["started_at_ms"] / 1000)
        self.lateness_ms.append(status["lateness_ms"])
        device = _name(status["resource"])
        known = self.devices.get(device)
        if known is None or known.slot <= status["slot"]:
            said = (status["endpoint"], str(status["outcome"]), status["reason"], status["slot"])
            self.devices[device] = BoardRow(device, *said)

    def answering(self) -> int:
        return sum(polled.outcome in GOOD for polled in self.devices.values())

    def polls_per_s(self, now_s: float) -> float:
        return _per_s(self.polls, now_s)

    def gauges_per_s(self, now_s: float) -> float:
        return _per_s(self.published, now_s)

    def busiest(self, count: int, now_s: float) -> list[Traffic]:
        """Return the interfaces with the most bits per second in either direction."""
        current = [traffic for traffic in self.traffic.values() if traffic.slot > now_s - STALE_S]
        return sorted(current, key=lambda t: -max(t.bits_in_per_s, t.bits_out_per_s))[:count]

    def problems(self) -> list[BoardRow]:
        """Return the devices whose last poll failed, by name."""
        return sorted(polled for polled in self.devices.values() if polled.outcome not in GOOD)


def part(values: deque[int] | deque[float], share: float) -> float | None:
    """Return a quantile of the values."""
    return float(sorted(values)[min(len(values) - 1, int(share * len(values)))]) if values else None


def bits(per_s: float) -> str:
    """Format a rate for people, e.g. 941.2 Mbit/s."""
    for unit in ("bit/s", "kbit/s", "Mbit/s", "Gbit/s"):
        if per_s < 1000:
            return f"{per_s:.1f} {unit}"
        per_s /= 1000
    return f"{per_s:.1f} Tbit/s"


def _per_s(moments: deque[float], now_s: float) -> float:
    recent = [moment for moment in moments if moment > now_s - RATE_WINDOW_S]
    return len(recent) / min(RATE_WINDOW_S, max(now_s - min(recent), 1.0)) if recent else 0.0


def _name(resource: str) -> str:
    return resource.rsplit("|", 1)[-1]
