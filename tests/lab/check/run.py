"""One run of the check, inside the lab: find, still, traffic, still, compare, then changes of the network."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final

import click

from streams.playground.check.topics import Topics
from streams.playground.demo.children import Children
from tests.lab.check import changes, found, pipeline, report, trouble
from tests.lab.check.joined import TOPICS as JOINED
from tests.lab.check.joined import Joined
from tests.lab.check.judge import CACHE_S, STILL_S, Judge, Stretch, Verdict, compare
from tests.lab.check.sampling import sampled
from tests.lab.check.timeline import Counter, Timeline
from tests.lab.lab import Lab
from tests.lab.spec import Agent, Node
from tests.lab.testbed import config, faults
from tests.lab.testbed.system import LabProblem

INTERVAL_S: Final = 10
MBIT_PER_S: Final = 20
PAIRS: Final = 4
FOUND_S: Final = 150.0
STILL_WITHIN_S: Final = 90.0
ARRIVE_S: Final = 45.0
READ_S: Final = 0.5
GAUGES: Final = ("gauges", "poll-status")
#: from the start of the stages
FIRST_GAUGES_S: Final = 60.0
#: LLDP says nothing for so long
QUIET_S: Final = 3600


class Check:
    """One run."""

    def __init__(self, lab: Lab, topics: Topics, children: Children, known: found.Found, timeline: Timeline) -> None:
        self._lab = lab
        self._topics = topics
        self._children = children
        self._known = known
        self._judge = Judge(known.wanted)
        self._joined = Joined()
        self._timeline = timeline
        self._everybody = known.wanted.keys() | known.silent
        self._began_s = time.time()

    def run(self, traffic_s: int, newcomer: str) -> bool:
        """Print what is found, and return whether all of it is right. Raises LabProblem, ChildEnded."""
        wrong = self._find()
        verdict = self._compared(traffic_s) if traffic_s else Verdict()
        verdict.wrong += [*wrong, *changes.run(self._lab, self._joined, newcomer, self._pump, self._say)]
        lines = report.lines(self._judge, verdict) if traffic_s else report.last_lines(verdict)
        click.echo("\n".join(lines))
        return not verdict.wrong

    def troubled(self) -> bool:
        """Print how discovery gets through trouble, and return whether it ends as without. Raises as `run`."""
        lab, joined = self._lab, self._joined
        wrong = list(trouble.run(lab, self._children, self._known, joined, self._pump, self._say))
        click.echo("\n".join(report.last_lines(Verdict(wrong=wrong))))
        return not wrong

    def _compared(self, traffic_s: int) -> Verdict:
        """Return how the numbers compare: still, traffic, still again."""
        self._lldp_every(QUIET_S)
        self._wait_until_still()
        begin_s = time.time()
        self._say(f"hosts' links were still for {STILL_S:.0f} s; traffic for {traffic_s} s")
        self._traffic(traffic_s)
        to_s = time.time()
        self._wait_until_still()
        stretch = Stretch(INTERVAL_S, begin_s, to_s, time.time())
        self._say("and still again; waiting for the last gauges")
        self._pump(ARRIVE_S, lambda: list(self._judge.missing(self._timeline, stretch.end_s)))
        self._lldp_every(config.LLDP_TX_S)
        return compare(self._judge, self._timeline, stretch)

    def _find(self) -> list[str]:
        """Return what is wrong once every node is found, every link is, and every counter has a rate."""
        self._pump(FOUND_S, lambda: list(self._joined.lacking(tuple(self._known.wanted), self._known.silent)))
        self._say(f"found: {len(self._joined.names)} of {len(self._known.wanted)} nodes from one address")
        cables = changes.true_cables(self._lab, self._known.wanted)
        self._pump(FOUND_S, lambda: sorted(map(str, cables - self._joined.in_state("up"))))
        self._say(f"links: {len(cables)} of {len(cables)}, both ends as lldpd and the kernel have them")
        self._pump(FOUND_S, lambda: list(self._judge.missing(self._timeline)))
        gauges_s = time.time() - self._began_s
        self._say("first gauges: every counter of every node has a rate, every session a state")
        wrong = list(self._joined.wrong(tuple(self._known.wanted), cables))
        if gauges_s > FIRST_GAUGES_S:
            wrong.append(f"first gauges after {gauges_s:.1f} s, more than {FIRST_GAUGES_S:.0f}")
        return wrong

    def _lldp_every(self, interval_s: int) -> None:
        """Have all nodes say everything at once, and then every so often."""
        for node in self._lab.spec.nodes:
            socket = str(self._lab.place.of(node) / "lldpd.sock")
            self._lab.run(node, "lldpcli", "-u", socket, "configure", "lldp", "tx-interval", str(interval_s))

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
                if record.topic in JOINED:
                    self._joined.take(record.topic, record.key, record.value)
                else:
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
        hosts = [node.name for node in nodes if not node.router and node.name in self._everybody]
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


def run(lab: Lab, folder: Path, traffic_s: int, newcomer: str | None) -> bool:
    """Return whether all that the pipeline publishes of the lab is right, when it is given one address of it.

    `newcomer` is the node that is plugged in when everything else is over; None: discovery gets into trouble instead.
    Raises LabProblem, StackProblem, ChildEnded.
    """
    if newcomer is None:
        known = found.swept(lab.spec)
    else:
        known = found.from_seed(lab.spec, next(iter(lab.spec.nodes.values())), newcomer)
        changes.unplug(lab, newcomer)
    with pipeline.running(folder, known, INTERVAL_S) as (stack, children), sampled(lab) as timeline:
        addresses = (stack.service("kafka").address, stack.service("apicurio").address)
        with closing(Topics(*addresses, pipeline.PREFIX, (*GAUGES, *JOINED))) as topics:
            if not topics.open(time.monotonic() + FOUND_S):
                raise LabProblem("the topics do not exist")
            check = Check(lab, topics, children, known, timeline)
            return check.troubled() if newcomer is None else check.run(traffic_s, newcomer)
