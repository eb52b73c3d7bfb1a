"""What happens to the network at the end of the check, and how soon the pipeline says so."""

import time
from collections.abc import Callable, Collection, Iterator
from typing import Final

import yaml

from tests.lab.check.found import INTERVAL_S, NEIGHBOURS_S
from tests.lab.check.joined import Ends, Heard, Joined, cables_of
from tests.lab.lab import Lab
from tests.lab.spec import Port, Spec, parse
from tests.lab.testbed import config, faults

#: a host of the lab that is not plugged in before the end
NEWCOMER: Final = "newcomer"
#: a port that no spec has
FREE: Final = "swp99"
#: a cable is unplugged at one end only: the other end forgets after so long
HOLD_S: Final = 4 * config.LLDP_TX_S
WITHIN_S: Final = 90.0
SET_S: Final = 30.0

Pump = Callable[[float, Callable[[], list[str]]], None]
Say = Callable[[str], None]


def with_newcomer(text: str) -> str:
    """Return a spec with one more host, at its last router. Raises SpecProblem for a spec that is none."""
    parse(text)
    content = yaml.safe_load(text)
    router = [name for name, entry in content["nodes"].items() if "as" in entry][-1]
    content["nodes"][NEWCOMER] = {}
    content["links"].append([f"{router}:swp98", f"{NEWCOMER}:eth1"])
    return yaml.safe_dump(content, sort_keys=False)


def unplug(lab: Lab, newcomer: str) -> None:
    """Pull the newcomer's cable, and end its agent, so that nobody has heard of it. Raises LabProblem."""
    faults.set_snmpd(lab, newcomer, "stop")
    faults.set_link(lab, _cable_of(lab.spec, newcomer)[1], "down")


def true_cables(lab: Lab, names: Collection[str]) -> set[Ends]:
    """Return the cables between nodes that have an agent, as lldpd tells of them at both ends. Raises LabProblem."""
    return cables_of({name: Heard(lab.truth.links(name), lab.truth.neighbours(name)) for name in names})


def run(lab: Lab, joined: Joined, newcomer: str, pump: Pump, say: Say) -> Iterator[str]:
    """Change the network, and yield what came too late. Raises LabProblem where it does not come at all."""
    pump(SET_S, lambda: _lacks(joined, "up", true_cables(lab, set(joined.names.values()))))
    down, moved = _chosen(lab.spec, joined.in_state("up"))
    port = min(down)
    yield from _timed(
        f"{port} set down: the link is down", 2 * NEIGHBOURS_S, lambda: faults.set_link(lab, port, "down"),
        lambda: _lacks(joined, "down", {down}), pump, say,
    )  # fmt: skip
    faults.set_link(lab, port, "up")
    pump(WITHIN_S, lambda: _lacks(joined, "up", {down}))
    yield from _move(lab, joined, moved, pump, say)
    there, here = _cable_of(lab.spec, newcomer)
    yield from _timed(
        f"{newcomer} is plugged in: it is in the inventory, its link is up",
        HOLD_S + 2 * NEIGHBOURS_S + 2 * INTERVAL_S, lambda: _plug(lab, newcomer, here),
        lambda: [*joined.lacking([newcomer], frozenset()), *_lacks(joined, "up", {frozenset((there, here))})],
        pump, say,
    )  # fmt: skip


def _chosen(spec: Spec, cables: set[Ends]) -> tuple[Ends, Ends]:
    """Return the link to set down, between routers if there is one, and a host's whose cable is moved."""

    def hosts(ends: Ends) -> int:
        return sum(not spec.nodes[end.node].router for end in ends)

    first, *others = sorted(cables, key=lambda ends: (hosts(ends), sorted(ends)))
    return first, others[-1]


def _move(lab: Lab, joined: Joined, moved: Ends, pump: Pump, say: Say) -> Iterator[str]:
    host = next(end for end in moved if not lab.spec.nodes[end.node].router)
    [port] = moved - {host}
    # Within one node it would be the same interface, renamed, of which net-snmp keeps the first name.
    others = [node.name for node in lab.spec.nodes.values() if node.router and node.name != port.node]
    if not others:
        say("one router only: no cable is moved")
        return
    into = Port(others[0], FREE)
    yield from _timed(
        f"the cable of {host} moved to {into}: the new link is up, the old one is not", HOLD_S + NEIGHBOURS_S,
        lambda: faults.move_cable(lab, port, into),
        lambda: [
            *_lacks(joined, "up", {frozenset((host, into))}),
            *(["the end of the old link"] if moved in joined.in_state("up") else []),
        ], pump, say,
    )  # fmt: skip


def _timed(
    what: str, most_s: float, change: Callable[[], None], lacking: Callable[[], list[str]], pump: Pump, say: Say
) -> Iterator[str]:
    """Make a change, and yield a line where what follows comes later than it should."""
    began_s = time.monotonic()
    change()
    pump(WITHIN_S, lacking)
    took_s = time.monotonic() - began_s
    say(f"{what}, after {took_s:.1f} s ({most_s:.0f} are allowed)")
    if took_s > most_s:
        yield f"{what} after {took_s:.1f} s, more than {most_s:.0f}"


def _lacks(joined: Joined, state: str, ends: set[Ends]) -> list[str]:
    return [f"{' - '.join(sorted(map(str, each)))} {state}" for each in ends - joined.in_state(state)]


def _cable_of(spec: Spec, newcomer: str) -> tuple[Port, Port]:
    """Return the router's port, and the newcomer's."""
    [(here, there)] = spec.ends(newcomer)
    return there.port, here.port


def _plug(lab: Lab, newcomer: str, here: Port) -> None:
    faults.set_snmpd(lab, newcomer, "start")
    faults.set_link(lab, here, "up")
