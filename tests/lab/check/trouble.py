"""Discovery in trouble: its worker killed in a sweep, agents frozen, packets lost; and the end is the same."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Final

from streams.playground.demo import layout
from streams.playground.demo.children import Children
from tests.lab.check.changes import Pump, Say, true_cables
from tests.lab.check.found import SWEPT_TTL_S, Found
from tests.lab.check.joined import Joined
from tests.lab.lab import Lab
from tests.lab.spec import Agent
from tests.lab.testbed import faults

STAGE: Final = "discovery"
LOSS: Final = ("loss=20",)
FOUND_S: Final = 240.0
#: how long an agent that is known says nothing: less than what is left of the oldest sighting
FROZEN_S: Final = 30.0


def before(lab: Lab) -> tuple[str, str]:
    """Freeze one agent and make one line lossy, and return whose. Raises LabProblem."""
    frozen, lossy = [node.name for node in lab.spec.nodes.values() if node.router and node.agent is Agent.FULL][-2:]
    faults.set_snmpd(lab, frozen, "freeze")
    faults.impair(lab, lossy, list(LOSS))
    return frozen, lossy


def run(lab: Lab, children: Children, known: Found, joined: Joined, pump: Pump, say: Say) -> Iterator[str]:
    """Go on with trouble until sightings of the beginning would be over, and yield what is not as without it."""
    began_s = time.monotonic()
    frozen, lossy = before(lab)
    wanted = tuple(known.wanted)
    pump(FOUND_S, lambda: [] if joined.names else ["anybody"])
    _killed(children)
    there = len(joined.names)
    say(f"{frozen} frozen, {LOSS[0]} % each way to {lossy}; discovery killed -9 with {there} of {len(wanted)} found")
    if there > len(wanted) // 2:
        yield "most were found before the worker was killed: that was not the middle of a sweep"
    others = [name for name in wanted if name != frozen]
    pump(FOUND_S, lambda: list(joined.lacking(others, known.silent)))
    say(f"found: {len(joined.names)} of {len(wanted)}, all but the frozen one")
    _thawed(lab, frozen)
    pump(FOUND_S, lambda: list(joined.lacking(wanted, known.silent)))
    say(f"found: {len(joined.names)} of {len(wanted)}, {frozen} thawed")
    another = next(name for name in wanted if name not in (frozen, lossy))
    faults.set_snmpd(lab, another, "freeze")
    _killed(children)
    _hold(pump, time.monotonic() + FROZEN_S)
    _thawed(lab, another)
    say(f"{another} was frozen for {FROZEN_S:.0f} s, and discovery killed -9 again")
    _hold(pump, began_s + SWEPT_TTL_S * 1.5)
    cables = true_cables(lab, known.wanted)
    pump(FOUND_S, lambda: sorted(map(str, cables - joined.in_state("up"))))
    faults.impair(lab, lossy, [])
    say(f"links: {len(cables)} of {len(cables)}, both ends as lldpd and the kernel have them")
    took_s = time.monotonic() - began_s
    say(f"{took_s:.0f} s, of which a sighting lasts {SWEPT_TTL_S}; expired: {len(joined.ended)}")
    yield from joined.wrong(wanted, cables)
    yield from (f"{key} has expired" for key in joined.ended)


def _thawed(lab: Lab, node: str) -> None:
    """Thaw an agent, and start it anew: lldpd's AgentX session does not survive that its master was frozen."""
    faults.set_snmpd(lab, node, "thaw")
    faults.set_snmpd(lab, node, "restart")


def _killed(children: Children) -> None:
    """Kill the stage's worker, and start another one."""
    os.kill(children.running()[STAGE], signal.SIGKILL)
    children.forget(STAGE)
    children.start(STAGE, layout.stage_command(sys.executable, STAGE))


def _hold(pump: Pump, until_s: float) -> None:
    """Go on reading until that time (monotonic)."""
    pump(max(0.0, until_s - time.monotonic()) + 30, lambda: [] if time.monotonic() >= until_s else ["some time"])
