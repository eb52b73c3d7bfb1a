"""What can be done to a lab: failures, moved cables, bad lines, traffic."""

import os
import signal
import sys
from typing import Final

from tests.lab.lab import Lab
from tests.lab.spec import COLLECTOR, Agent, Port, SpecProblem
from tests.lab.testbed import daemons, system, wire, wiring
from tests.lab.testbed.system import LabProblem

_OFFLOADS: Final = ("tx", "off", "tso", "off", "gso", "off", "gro", "off")
#: alias of a port without a cable
EMPTY: Final = "empty"
IPERF_PORT: Final = 5201
PAYLOAD_BYTES: Final = 1400
START_TIMEOUT_S: Final = 5.0
TIMEOUT_S: Final = 20.0


def set_link(lab: Lab, port: Port, state: str) -> None:
    """Set a port up or down; the other end loses its carrier. Raises LabProblem, SpecProblem."""
    system.run("ip", "-n", lab.namespace(port.node), "link", "set", port.name, state)


def move_cable(lab: Lab, plugged: Port, into: Port) -> None:
    """Pull a cable out of one port and plug it into another, that is free or has no cable.

    A port of the spec that it leaves stays, with its addresses and a new index, without a carrier. The one that it goes
    into has no address, unless it had one already. Raises LabProblem, SpecProblem.
    """
    source, target = lab.namespace(plugged.node), lab.namespace(into.node)
    before = {link.name: link for link in lab.truth.links(plugged.node)}
    there = {link.name: link for link in lab.truth.links(into.node)}
    if plugged.name not in before or before[plugged.name].alias == EMPTY:
        raise SpecProblem(f"there is no cable in {plugged}")
    if into.name in there and there[into.name].alias != EMPTY:
        raise SpecProblem(f"{into} has a cable: move that one first")
    addresses = _addresses(lab, plugged)
    kept = _addresses(lab, into) if into.name in there else []
    if into.name in there:
        system.run("ip", "-n", target, "link", "delete", into.name)
    passing = f"cable{os.getpid()}"
    system.ip_batch([f"link set {plugged.name} down", f"link set {plugged.name} name {passing} netns {target}"], source)
    there_now = [
        f"address flush dev {passing}",
        f"link set {passing} name {into.name}",
        f"link set {into.name} alias was-{plugged} up",
    ]
    system.ip_batch([*there_now, *(f"address add {address} dev {into.name}" for address in kept)], target)
    if plugged in {end.port for cable in lab.spec.cables for end in cable}:
        _leave_empty(lab, plugged, addresses)


def _leave_empty(lab: Lab, port: Port, addresses: list[str]) -> None:
    """Make a port without a carrier: the other end of its cable lies about in the collector, and is down."""
    # With an index of its own: lldpd goes on using the socket of a port that comes back under its name and index.
    system.ip_batch([wiring.veth(lab.place, port, Port(COLLECTOR, f"x{os.urandom(4).hex()}"))])
    lines = [f"link set {port.name} alias {EMPTY} up"]
    lines += [f"address add {address} dev {port.name}" for address in addresses]
    system.ip_batch(lines, lab.namespace(port.node))


def _addresses(lab: Lab, port: Port) -> list[str]:
    said = system.run("ip", "-n", lab.namespace(port.node), "-4", "-o", "address", "show", "dev", port.name)
    return [line.split()[3] for line in said.splitlines()]


def set_bgp(lab: Lab, node: str, peer: str, state: str) -> None:
    """Shut a session, or let it come up again. Raises LabProblem, SpecProblem."""
    asn = lab.spec.node(node).asn
    if asn is None:
        raise SpecProblem(f"{node} is a host: it has no BGP")
    shut = f"neighbor {peer} shutdown"
    lab.truth.vtysh(node, "configure terminal", f"router bgp {asn}", shut if state == "down" else f"no {shut}")


def set_snmpd(lab: Lab, node: str, action: str) -> None:
    """Stop, start, restart, freeze or thaw a node's agent. Raises LabProblem, SpecProblem."""
    known = lab.spec.node(node)
    if known.agent is Agent.SILENT:
        raise SpecProblem(f"{node} has no agent")
    pid = lab.pid(node, "snmpd")
    if pid is None and action != "start":
        raise LabProblem(f"snmpd of {node} does not run")
    if action in {"freeze", "thaw"} and pid is not None:  # frozen: its port is open, nothing answers
        os.kill(pid, signal.SIGSTOP if action == "freeze" else signal.SIGCONT)
        return
    if pid is not None and action != "start":
        system.end(lab.namespace(node), pid)
    if action in {"start", "restart"}:
        daemons.start_snmpd(lab.place, known, lab.cache_s)


def impair(lab: Lab, node: str, settings: list[str]) -> None:
    """Make the line between a node and the collector lossy or late; without settings it is well again.

    `settings`: loss, delay, jitter, dup. A process carries the frames: not every kernel has netem. Raises LabProblem,
    SpecProblem.
    """
    lab.spec.node(node)
    try:
        wire.parse(settings)
    except ValueError as problem:
        raise LabProblem(str(problem)) from problem
    collector, near, far, bridged = lab.place.collector, lab.place.towards(node), f"w-{node}", f"b-{node}"
    name = f"wire-{node}"
    pid = lab.pid(COLLECTOR, name)
    if pid is not None:
        system.end(collector, pid)
        system.ip_batch([f"link delete {far}", f"link set {near} promisc off master {wiring.BRIDGE}"], collector)
    if not settings:
        return
    system.ip_batch([f"link add {far} type veth peer name {bridged}"], collector)
    # Whole, checksummed packets: a frame that is carried by hand has to be as it would be on a wire.
    for space, port in ((collector, near), (lab.namespace(node), "eth0"), (collector, far), (collector, bridged)):
        system.run(*system.within(space, "ethtool", "-K", port, *_OFFLOADS))
    system.ip_batch(
        [
            f"link set {near} nomaster promisc on", f"link set {far} promisc on up",
            f"link set {bridged} master {wiring.BRIDGE} up",
        ],
        collector,
    )  # fmt: skip
    system.start(
        collector,
        (sys.executable, "-m", "tests.lab.testbed.wire", near, far, *settings),
        pid=lab.place.pid(COLLECTOR, name),
        log=lab.place.log(COLLECTOR, name),
        environment={},
    )


def traffic(lab: Lab, source: str, sink: str, mbit_per_s: float, seconds: int) -> str:
    """Send UDP from one node to another for that long, and return what iperf3 says. Raises LabProblem, SpecProblem."""
    ends = list(lab.spec.ends(sink))
    lab.spec.node(source)
    if not ends:
        raise SpecProblem(f"{sink} has no link")
    address = str(ends[0][0].address.ip)
    limit = ("timeout", str(seconds + 10))
    system.start(
        lab.namespace(sink),
        (*limit, "iperf3", "--server", "--one-off"),
        pid=lab.place.pid(sink, "iperf3"),
        log=lab.place.log(sink, "iperf3"),
        environment={},
    )
    system.wait_until(lambda: _listens(lab, sink, IPERF_PORT), START_TIMEOUT_S, f"iperf3 does not start on {sink}")
    asked = ("--udp", "--bitrate", f"{mbit_per_s}M", "--time", str(seconds), "--length", str(PAYLOAD_BYTES))
    command = (*limit, "iperf3", "--client", address, *asked, "--format", "m")
    return system.run(*system.within(lab.namespace(source), *command), timeout_s=seconds + TIMEOUT_S)


def _listens(lab: Lab, node: str, port: int) -> bool:
    return f":{port:04X} " in lab.run(node, "cat", "/proc/net/tcp", "/proc/net/tcp6")
