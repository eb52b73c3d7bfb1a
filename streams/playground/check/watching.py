"""Reads what the pipeline publishes, and asks the simulator for the truth."""

import json
import time
import urllib.request
from typing import Final, cast

from streams.playground.check import expected, verdict
from streams.playground.check.forms import FiguresForm, FleetForm, GaugeForm, StatusForm, TruthForm
from streams.playground.check.judge import Judge, JudgeQuestion
from streams.playground.check.record import TopicReader

READ_S: Final = 0.5
QUESTIONS: Final = 500


class Truth:
    """The simulator's own account, over HTTP."""

    def __init__(self, url: str) -> None:
        self._url = url

    def fleet(self) -> FleetForm:
        with urllib.request.urlopen(f"{self._url}/fleet", timeout=10) as response:  # noqa: S310 (loopback http)
            fleet: FleetForm = json.load(response)
            return fleet

    def answers(self, questions: list[JudgeQuestion]) -> list[tuple[JudgeQuestion, TruthForm]]:
        """Return each question with its answer, in any order."""
        found: list[tuple[JudgeQuestion, TruthForm]] = []
        for path, of_interface in (("rates", True), ("rows", False)):
            some = [question for question in questions if question.of_interface == of_interface]
            if some:
                body = json.dumps([question.asked() for question in some]).encode()
                with urllib.request.urlopen(f"{self._url}/{path}", data=body, timeout=30) as response:  # noqa: S310
                    found += zip(some, json.load(response), strict=True)
        return found


class Watching:
    """One run of the check."""

    def __init__(self, topics: TopicReader, truth: Truth, *, disturbed: bool = False) -> None:
        """`disturbed`: workers and services die on the way, so that any device may have gaps."""
        self._topics = topics
        self._truth = truth
        self.judge = Judge(truth.fleet(), disturbed=disturbed)
        self.lateness_ms: list[float] = []
        self.steady_ms: list[float] = []  #: the same without the start, and without devices that are slow by design
        self.first_gauge_ms: float | None = None
        self.last_gauge_ms: float | None = None
        self._open: list[JudgeQuestion] = []
        self._began_ms = time.time() * 1000

    def take(self) -> None:
        """Read the topics for a moment."""
        for record in self._topics.read(READ_S):
            if record.key != record.value["resource"]:
                self.judge.problem(f"key {record.key!r} is not the resource of its {record.topic}")
            if record.topic == "poll-status":
                self.judge.status(cast("StatusForm", record.value))
                continue
            gauge = cast("GaugeForm", record.value)
            question = self.judge.gauge(gauge, record.raw)
            if question is not None:
                self._open.append(question)
            self._time(gauge, record.received_ms)
        while len(self._open) >= QUESTIONS:
            self.settle()

    def _time(self, gauge: GaugeForm, received_ms: float) -> None:
        if gauge["slot"] < self.judge.fleet["epoch_s"]:
            return
        self.first_gauge_ms = self.first_gauge_ms or received_ms
        self.last_gauge_ms = received_ms
        if gauge["slot"] * 1000 > self._began_ms:
            late_ms = received_ms - gauge["slot"] * 1000
            self.lateness_ms.append(late_ms)
            device = self.judge.devices.get(gauge["resource"].rsplit("|", 1)[-1])
            slow = device is not None and device["role"] in expected.SLOW_ROLES
            if not slow and gauge["slot"] * 1000 > self.first_gauge_ms + expected.WARM_UP_S * 1000:
                self.steady_ms.append(late_ms)

    def settle(self) -> None:
        """Compare some of the open questions with the truth."""
        some, self._open = self._open[:QUESTIONS], self._open[QUESTIONS:]
        for question, answer in self._truth.answers(some):
            self.judge.settle(question, answer)

    def settle_all(self) -> None:
        """Compare all open questions with the truth."""
        while self._open:
            self.settle()

    def finish(self) -> FiguresForm:
        """Settle everything, and return the figures."""
        self.settle_all()
        for problem in verdict.unfinished(self.judge, time.time()):
            self.judge.problem(problem)
        watched_ms = (self.last_gauge_ms or 0) - (self.first_gauge_ms or 0)
        lateness = {"all": self.lateness_ms, "steady": self.steady_ms}
        return verdict.figures(self.judge, lateness, self.first_gauge_ms, watched_ms / 1000)
