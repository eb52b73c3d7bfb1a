"""Namespaces, cables and addresses: the lab before any daemon runs."""

from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Final

from tests.lab.spec import COLLECTOR, MANAGEMENT, Node, Port, Spec
from tests.lab.testbed import system
from tests.lab.testbed.config import COLLECTOR_ADDRESS
from tests.lab.testbed.place import Place

BRIDGE: Final = "mgmt0"
#: no duplicate detection to wait for, any path back, and echo requests without privileges
_SYSCTL: Final = (
    "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0", "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0", "net.ipv4.ping_group_range=0 2147483647",
)  # fmt: skip
_ROUTES: Final = ("net.ipv4.ip_forward=1", "net.ipv4.fib_multipath_hash_policy=1")


def wire(place: Place, spec: Spec, pool: Executor) -> None:
    """Make every namespace, and join them. Raises LabProblem."""
    names = [COLLECTOR, *spec.nodes]
    system.ip_batch(f"netns add {place.namespace(name)}" for name in names)
    list(pool.map(lambda name: _tune(place, spec, name), names))
    system.ip_batch([f"link add {BRIDGE} type bridge", f"link set {BRIDGE} up"], place.collector)
    system.ip_batch(_veths(place, spec))
    system.ip_batch(_collector(place, spec), place.collector)
    list(pool.map(lambda node: system.ip_batch(_node(spec, node), place.namespace(node.name)), spec.nodes.values()))


def _tune(place: Place, spec: Spec, name: str) -> None:
    routes = _ROUTES if name != COLLECTOR and spec.nodes[name].router else ()
    system.run(*system.within(place.namespace(name), "sysctl", "-qw", *_SYSCTL, *routes))


def _veths(place: Place, spec: Spec) -> Iterator[str]:
    for name in spec.nodes:
        yield veth(place, Port(name, "eth0"), Port(COLLECTOR, place.towards(name)))
    for a, b in spec.cables:
        yield veth(place, a.port, b.port)


def veth(place: Place, a: Port, b: Port) -> str:
    """Return the `ip` command that makes a cable between two ports."""
    there = f"type veth peer name {b.name} netns {place.namespace(b.node)}"
    return f"link add {a.name} netns {place.namespace(a.node)} {there}"


def _collector(place: Place, spec: Spec) -> Iterator[str]:
    yield "link set lo up"
    yield f"address add {COLLECTOR_ADDRESS}/{MANAGEMENT.prefixlen} dev {BRIDGE}"
    for name in spec.nodes:
        yield f"link set {place.towards(name)} master {BRIDGE} up"


def _node(spec: Spec, node: Node) -> Iterator[str]:
    yield "link set lo up"
    yield "link set eth0 alias management up"
    yield f"address add {node.management}/{MANAGEMENT.prefixlen} dev eth0"
    if node.router:
        yield f"address add {node.loopback}/32 dev lo"
    for here, there in spec.ends(node.name):
        yield f"link set {here.port.name} alias to-{there.port.node}-{there.port.name} up"
        yield f"address add {here.address} dev {here.port.name}"
        if not node.router:
            yield f"route add default via {there.address.ip}"
