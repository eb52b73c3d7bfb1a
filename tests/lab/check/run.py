"""One run of the check, inside the lab: find, poll, still, traffic, still, compare."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final

import click

from streams.playground.check.topics import Topics
from streams.playground.demo.children import Children
from tests.lab import faults
from tests.lab.check import found, pipeline, report
from tests.lab.check.judge import CACHE_S, STILL_S, Judge, Stretch, compare
from tests.lab.check.sampling import sampled
from tests.lab.check.timeline import Counter, Timeline
from tests.lab.lab import Lab
from tests.lab.spec import Agent, Node
from tests.lab.system import LabProblem

INTERVAL_S: Final = 10
MBIT_PER_S: Final = 20
PAIRS: Final = 4
FOUND_S: Final = 150.0
STILL_WITHIN_S: Final = 90.0
ARRIVE_S: Final = 45.0
READ_S: Final = 0.5
TOPICS: Final = ("gauges", "poll-status")
#: LLDP says everything at once when this is set, and then nothing for so long
LLDP_INTERVAL_S: Final = 3600


class Check:
    """One run."""

    def __init__(self, lab: Lab, topics: Topics, children: Children, judge: Judge, timeline: Timeline) -> None:
        self._lab = lab
        self._topics = topics
        self._children = children
        self._judge = judge
        self._timeline = timeline
        self._began_s = time.time()

    def run(self, traffic_s: int) -> bool:
        """Print what is found, and return whether all of it is right. Raises LabProblem, ChildEnded."""
        self._pump(FOUND_S, lambda: list(self._judge.missing(self._timeline)))
        self._say("every node is found, and polled twice")
        for node in self._lab.spec.nodes:
            socket = str(self._lab.place.of(node) / "lldpd.sock")
            self._lab.run(node, "lldpcli", "-u", socket, "configure", "lldp", "tx-interval", str(LLDP_INTERVAL_S))
        self._wait_until_still()
        begin_s = time.time()
        self._say(f"hosts' links were still for {STILL_S:.0f} s; traffic for {traffic_s} s")
        self._traffic(traffic_s)
        to_s = time.time()
        self._wait_until_still()
        stretch = Stretch(INTERVAL_S, begin_s, to_s, time.time())
        self._say("and still again; waiting for the last gauges")
        self._pump(ARRIVE_S, lambda: list(self._judge.missing(self._timeline, stretch.end_s)))
        verdict = compare(self._judge, self._timeline, stretch)
        click.echo("\n".join(report.lines(self._judge, verdict)))
        return not verdict.wrong

    def _say(self, line: str) -> None:
        click.echo(f"{time.time() - self._began_s:6.1f} s  {line}")

    def _pump(self, within_s: float, lacking: Callable[[], list[str]]) -> None:
        """Read the topics until nothing is lacking. Raises LabProblem at the time limit, ChildEnded."""
        deadline = time.monotonic() + within_s
        while what := lacking():
            if time.monotonic() > deadline:
                raise LabProblem(f"after {within_s:.0f} s still lacking: {', '.join(what[:10])}")
            self._children.check()
            for record in self._topics.read(READ_S):
                self._judge.take(record.topic, record.value)

    def _wait_until_still(self) -> None:
        """Return when the hosts' links have been still for an interval, so that a poll has seen them so."""
        counters = list(self._at_hosts())
        for_s = max(STILL_S, INTERVAL_S) + 2 * CACHE_S
        wait = "hosts' links to be still"
        self._pump(STILL_WITHIN_S, lambda: [] if self._timeline.still(counters, time.time(), for_s) else [wait])

    def _at_hosts(self) -> Iterator[Counter]:
        """Yield the counters of ports that carry nothing but traffic: neither OSPF nor BGP."""
        for a, b in self._lab.spec.cables:
            if not self._lab.spec.nodes[b.port.node].router:
                for end in (a, b):
                    yield from (Counter(end.port.node, end.port.name, way) for way in ("in", "out"))

    def _traffic(self, seconds: int) -> None:
        """Send between hosts, with a session shut in the middle. Raises LabProblem."""
        nodes = sorted(self._lab.spec.nodes.values(), key=lambda node: node.agent is Agent.FULL)  # the odd ones first
        hosts = [node.name for node in nodes if not node.router]
        pairs = list(zip(hosts, reversed(hosts), strict=True))[: min(PAIRS, len(hosts) // 2)]
        ended_s = time.monotonic() + seconds
        with ThreadPoolExecutor(max(1, len(pairs))) as pool:
            sent = [pool.submit(faults.traffic, self._lab, a, b, MBIT_PER_S, seconds) for a, b in pairs]
            if shut := self._a_session():
                self._hold(ended_s - seconds * 0.7)
                faults.set_bgp(self._lab, *shut, "down")
                self._hold(ended_s - seconds * 0.3)
                faults.set_bgp(self._lab, *shut, "up")
            self._hold(ended_s, sent)
            for one in sent:
                one.result()

    def _a_session(self) -> tuple[str, str] | None:
        routers: list[Node] = [node for node in self._lab.spec.nodes.values() if node.router]
        for node in reversed(routers):
            for _, there in self._lab.spec.routers_beside(node.name):
                return node.name, str(there.address.ip)
        return None

    def _hold(self, until_s: float, sent: "list[Future[str]] | None" = None) -> None:
        """Go on reading until that time (monotonic), and until what is sent has arrived."""
        open_ = sent or []
        within_s = until_s - time.monotonic() + faults.TIMEOUT_S

        def lacking() -> list[str]:
            waits = time.monotonic() < until_s or not all(one.done() for one in open_)
            return ["the end of the traffic"] if waits else []

        self._pump(within_s, lacking)


def run(lab: Lab, folder: Path, traffic_s: int) -> bool:
    """Return whether all that the pipeline publishes of the lab is right.

    Raises LabProblem, StackProblem, ChildEnded.
    """
    seed = next(iter(lab.spec.nodes.values()))
    known = found.from_list(lab.spec, seed, folder)
    with pipeline.running(folder, known, INTERVAL_S) as (stack, children), sampled(lab) as timeline:
        addresses = (stack.service("kafka").address, stack.service("apicurio").address)
        with closing(Topics(*addresses, pipeline.PREFIX, TOPICS)) as topics:
            if not topics.open(time.monotonic() + FOUND_S):
                raise LabProblem("the topics do not exist")
            return Check(lab, topics, children, Judge(known.wanted), timeline).run(traffic_s)
