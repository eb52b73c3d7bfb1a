"""Reads the truth of all nodes again and again, in a thread."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from tests.lab.check.timeline import Counter, Octets, Session, States, Timeline
from tests.lab.lab import Lab

#: sessions are asked every so many rounds
SESSIONS_EVERY: Final = 4
ROUND_S: Final = 0.5


@contextmanager
def sampled(lab: Lab) -> Iterator[Timeline]:
    """Give a timeline that grows inside the block. Raises what went wrong while it grew, at its end."""
    timeline, stop = Timeline(), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(_round, lab, timeline, sessions=True)
        first.result()
        work = pool.submit(_go_on, lab, timeline, stop)
        try:
            yield timeline
        finally:
            stop.set()
        work.result()


def _go_on(lab: Lab, timeline: Timeline, stop: threading.Event) -> None:
    count = 0
    while not stop.wait(ROUND_S):
        count += 1
        _round(lab, timeline, sessions=count % SESSIONS_EVERY == 0)


def _round(lab: Lab, timeline: Timeline, *, sessions: bool) -> None:
    for node in lab.spec.nodes.values():
        _links(lab, timeline, node.name)
        if sessions and node.router:
            _sessions(lab, timeline, node.name)


def _links(lab: Lab, timeline: Timeline, node: str) -> None:
    begun_s = time.time()
    links = lab.truth.links(node)
    ended_s = time.time()
    for link in links:
        for way, counters in (("in", link.received), ("out", link.sent)):
            series = timeline.octets.setdefault(Counter(node, link.name, way), Octets())
            series.add(begun_s, ended_s, counters.octets)


def _sessions(lab: Lab, timeline: Timeline, node: str) -> None:
    begun_s = time.time()
    peers = lab.truth.bgp(node)
    ended_s = time.time()
    for peer in peers:
        timeline.sessions.setdefault(Session(node, peer.address), States()).add(begun_s, ended_s, peer.state.lower())
