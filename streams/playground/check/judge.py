"""Compares gauges and statuses with the truth, and keeps tallies; no I/O."""

import dataclasses
from collections import Counter
from typing import Final, NamedTuple

from streams.playground.check import expected
from streams.playground.check.forms import DeviceForm, FleetForm, GaugeForm, PortForm, StatusForm, TruthForm

MAX_PROBLEMS: Final = 2_000


class JudgeQuestion(NamedTuple):
    """A gauge whose true value has to be requested."""

    device: DeviceForm
    gauge: GaugeForm

    @property
    def of_interface(self) -> bool:
        return self.gauge["group"] == expected.GROUP

    @property
    def duration_s(self) -> float:
        """Return the duration of the gauge's rates; 0: it has none."""
        return self.gauge["duration_s"] or 0

    @property
    def from_ms(self) -> float:
        return self.gauge["time_ms"] - self.duration_s * 1000

    def asked(self) -> list[str | float]:
        """Return the question in the simulator's form: device, group unless it is an interface, row, from_ms, to_ms."""
        group = [] if self.of_interface else [self.gauge["group"]]
        return [self.device["id"], *group, self.gauge["row"], self.from_ms, self.gauge["time_ms"]]


class JudgedRate(NamedTuple):
    """A rate that was compared with the truth."""

    device: str
    row: str
    name: str
    time_ms: int
    found: float
    true: float
    may_be_off: float  #: by how much it may differ from the truth


@dataclasses.dataclass
class Judge:
    """The tallies of everything compared so far."""

    fleet: FleetForm
    disturbed: bool = False  #: workers and services die on the way: any poll may be cut short or missed
    problems: list[str] = dataclasses.field(default_factory=list)
    agreed: int = 0  #: rates within the tolerance
    disagreed: int = 0
    levels: int = 0  #: levels, states and names that are as they should be
    repeats: int = 0  #: gauges that came again, byte for byte
    restarts_seen: Counter[str] = dataclasses.field(default_factory=Counter)  #: role -> rates absent at a restart
    wraps: int = 0  #: rates over a wrap of 32 bits that were right
    errors: list[float] = dataclasses.field(default_factory=list)  #: relative, of rates of 1,000 counts or more
    reasons: Counter[str] = dataclasses.field(default_factory=Counter)  #: of absent rates
    outcomes: dict[str, Counter[str]] = dataclasses.field(default_factory=dict)  #: device -> poll outcomes
    strangers: Counter[str] = dataclasses.field(default_factory=Counter)  #: gauges of devices that are not simulated
    rated: Counter[str] = dataclasses.field(default_factory=Counter)  #: device -> gauges with rates that agreed
    #: (device, group, row) that is no interface -> gauges that agreed
    rows_right: Counter[tuple[str, str, str]] = dataclasses.field(default_factory=Counter)
    rates: list[JudgedRate] = dataclasses.field(default_factory=list)  #: of interfaces, each that was compared
    #: device, row and time of every gauge of an interface: rates over a restart are right without being compared
    moments: set[tuple[str, str, int]] = dataclasses.field(default_factory=set)
    seen: dict[tuple[str | int, ...], int] = dataclasses.field(default_factory=dict)
    rows: Counter[tuple[str, int]] = dataclasses.field(default_factory=Counter)  #: (resource, slot) -> gauges
    polled: dict[tuple[str, int], int] = dataclasses.field(default_factory=dict)  #: (resource, slot) -> interfaces

    def __post_init__(self) -> None:
        self.devices = {device["id"]: device for device in self.fleet["devices"]}
        self.ports = {(d["id"], port["name"]): port for d in self.devices.values() for port in d["interfaces"]}

    def problem(self, text: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(text)

    def status(self, status: StatusForm) -> None:
        """Take a poll status."""
        device = self.devices.get(status["resource"].rsplit("|", 1)[-1])
        if device is None or status["slot"] < self.fleet["epoch_s"]:
            return
        outcome = str(status["outcome"])
        self.outcomes.setdefault(device["id"], Counter())[outcome] += 1
        if outcome == expected.PARTIAL and device["role"] not in expected.SLOW_ROLES and not self.disturbed:
            self.problem(f"{device['id']} slot {status['slot']}: {outcome}: {status['reason']}")
        if outcome == expected.SUCCESS:
            self.polled[status["resource"], status["slot"]] = len(device["interfaces"])
        if device["role"] in expected.MUTE_ROLES and outcome not in (*expected.NO_ANSWER, "MISSED"):
            self.problem(f"{device['id']} ({device['role']}) never answers, but a poll was {outcome}")

    def gauge(self, gauge: GaugeForm, raw: bytes) -> JudgeQuestion | None:
        """Take a gauge; return the question for its true value, where there is one."""
        device = self.devices.get(gauge["resource"].rsplit("|", 1)[-1])
        if gauge["slot"] < self.fleet["epoch_s"]:
            return None
        if device is None:
            self.strangers[gauge["resource"]] += 1
            return None
        if gauge["group"] not in (expected.GROUP, *expected.ROW_GROUPS) or not self._new(gauge, raw):
            return None
        return (self._interface if gauge["group"] == expected.GROUP else self._row)(gauge, device)

    def _interface(self, gauge: GaugeForm, device: DeviceForm) -> JudgeQuestion | None:
        """Take a gauge of an interface; return it as a question where it holds rates."""
        self.rows[gauge["resource"], gauge["slot"]] += 1
        self.moments.add((device["id"], gauge["row"], gauge["time_ms"]))
        if device["role"] in expected.MUTE_ROLES:
            self.problem(f"{device['id']} ({device['role']}) never answers, but has a gauge for slot {gauge['slot']}")
        port = self.ports.get((device["id"], gauge["row"]))
        if port is None:
            self.problem(f"{device['id']} has no interface {gauge['row']!r}")
            return None
        self._levels(gauge, port)
        self._absent(gauge, device)
        began_s = gauge["time_ms"] / 1000 - (gauge["duration_s"] or 0)
        if gauge["duration_s"] is None or began_s < self.fleet["epoch_s"]:
            return None
        return JudgeQuestion(device, gauge)

    def _row(self, gauge: GaugeForm, device: DeviceForm) -> JudgeQuestion | None:
        """Take a gauge of what is no interface; return it as a question where the device has such a row."""
        if [gauge["group"], gauge["row"]] not in device["rows"]:
            self.problem(f"{_where(gauge)}: {device['id']} has no row {gauge['row']!r} of {gauge['group']}")
            return None
        for name, reason in gauge["missing"].items():
            self.reasons[reason] += 1
            if reason not in (expected.FIRST, *(expected.AFTER_A_DISTURBANCE if self.disturbed else ())):
                self.problem(f"{_where(gauge)}: {name} is absent for {reason!r}")
        return JudgeQuestion(device, gauge)

    def _new(self, gauge: GaugeForm, raw: bytes) -> bool:
        identity = (gauge["resource"], gauge["job"], gauge["group"], gauge["slot"], gauge["row"])
        if identity not in self.seen:
            self.seen[identity] = hash(raw)
            return True
        self.repeats += 1
        if self.seen[identity] != hash(raw):
            self.problem(f"a repeat differs from what came before: {identity}")
        return False

    def _levels(self, gauge: GaugeForm, port: PortForm) -> None:
        """Compare what is no rate: states, MTU and names."""
        for what, found, true in (
            ("admin_state", gauge["states"].get("admin_state"), "up" if port["admin_up"] else "down"),
            ("oper_state", gauge["states"].get("oper_state"), "up" if port["oper_up"] else "down"),
            ("mtu", gauge["gauges"].get("mtu"), port["mtu"]),
            ("alias", gauge["dimensions"].get("alias", ""), port["alias"]),
        ):
            if found == true:
                self.levels += 1
            else:
                self.problem(f"{_where(gauge)}: {what} is {true!r}, not {found!r}")

    def _absent(self, gauge: GaugeForm, device: DeviceForm) -> None:
        """Count the rates that are absent; each needs a reason that its device accounts for."""
        allowed = (expected.FIRST, *expected.REASONS.get(device["role"], ()))
        if self.disturbed:
            allowed += expected.AFTER_A_DISTURBANCE
        for name in expected.QUANTITIES:
            if name in gauge["gauges"]:
                continue
            reason = gauge["missing"].get(name)
            self.reasons[str(reason)] += 1
            if reason is None:
                self.problem(f"{_where(gauge)}: {name} is absent without a reason")
            elif reason not in allowed:
                self.problem(
                    f"{_where(gauge)}: {name} is absent for {reason!r}; a device that {device['role']!r} has none"
                )
            elif reason in expected.REASONS.get(device["role"], ()):
                self.restarts_seen[f"{device['role']}: {reason}"] += 1

    def settle(self, question: JudgeQuestion, answer: TruthForm) -> None:
        """Compare the rates of one gauge with the truth."""
        if not question.of_interface:
            self._settle_row(question, answer)
            return
        gauge, wrong = question.gauge, 0
        for name, quantity in (expected.QUANTITIES | expected.MORE_QUANTITIES).items():
            if name in gauge["gauges"]:
                wrong += not self._rate(question, name, quantity, answer)
        if not wrong and "octets_in" in gauge["gauges"]:
            self.rated[question.device["id"]] += 1

    def _settle_row(self, question: JudgeQuestion, answer: TruthForm) -> None:
        """Compare levels, states and rates of a row that is no interface."""
        gauge, wrong = question.gauge, 0
        duration_s = gauge["duration_s"]
        for name, level in answer["levels"].items():
            wrong += not self._level(gauge, name, gauge["gauges"].get(name), level)
        for name, state in answer["states"].items():
            wrong += not self._level(gauge, name, gauge["states"].get(name), state)
        for name, true in answer["rates"].items():
            if duration_s is not None and true is not None and name in gauge["gauges"]:
                found = gauge["gauges"][name]
                agrees = abs(found - true) <= expected.TOLERANCE * true + expected.COUNTS / duration_s
                wrong += not agrees
                self._agree(gauge, name, found, true, agrees=agrees)
        if not wrong and (not answer["rates"] or duration_s is not None):
            self.rows_right[question.device["id"], gauge["group"], gauge["row"]] += 1

    def _level(self, gauge: GaugeForm, name: str, found: float | str | None, true: float | str) -> bool:
        if isinstance(true, str) or found is None or isinstance(found, str):
            good = found == true
        else:
            good = abs(found - true) <= expected.LEVEL_TOLERANCE * abs(true) + expected.LEVEL_STEP
        if good:
            self.levels += 1
        else:
            self.problem(f"{_where(gauge)}: {name} is {true!r} in truth, not {found!r}")
        return good

    def _agree(self, gauge: GaugeForm, name: str, found: float, true: float, *, agrees: bool) -> None:
        if agrees:
            self.agreed += 1
            return
        self.disagreed += 1
        over = f"over {gauge['duration_s'] or 0:.3f} s"
        self.problem(f"{_where(gauge)}: {name} is {true:.6g}/s in truth, not {found:.6g}/s {over}")

    def _rate(self, question: JudgeQuestion, name: str, quantity: str, answer: TruthForm) -> bool:
        gauge, device = question.gauge, question.device
        found, true, duration_s = gauge["gauges"][name], answer["rates"][quantity], question.duration_s
        if true is None:
            return self._over_restart(question, name, answer)
        off, may_be_off = abs(found - true), expected.TOLERANCE * true + expected.COUNTS / duration_s
        good = off <= may_be_off
        self.rates.append(JudgedRate(device["id"], gauge["row"], name, gauge["time_ms"], found, true, may_be_off))
        if true * duration_s >= 1000:
            self.errors.append(off / true)
        wrapped = answer["before"][quantity] // expected.WRAP != answer["after"][quantity] // expected.WRAP
        if wrapped and not device["counters_64"] and good:
            self.wraps += 1
        self._agree(gauge, name, found, true, agrees=good)
        return good

    def _over_restart(self, question: JudgeQuestion, name: str, answer: TruthForm) -> bool:
        """A rate over a restart is wrong, unless the restart is so near an end that it may be outside."""
        edges = (question.from_ms / 1000, question.gauge["time_ms"] / 1000)
        inside = [at for at in answer["restarts"] if all(abs(at - edge) > expected.EDGE_S for edge in edges)]
        if inside:
            self.disagreed += 1
            self.problem(
                f"{_where(question.gauge)}: {name} has a rate although the counter restarted at {inside[0]:.1f}"
            )
        return not inside


def _where(gauge: GaugeForm) -> str:
    return f"{gauge['resource'].rsplit('|', 1)[-1]} {gauge['row']} slot {gauge['slot']}"
