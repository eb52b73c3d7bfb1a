"""What the daemons of a node are configured with. Texts only."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.lab.spec import COLLECTOR, MANAGEMENT, Agent, End, Node, Spec
from tests.lab.testbed.place import Place

V3_USER: Final = "panoptes"
V3_AUTH: Final = "authpass-lab"  #: SHA-256
V3_PRIV: Final = "privpass-lab"  #: AES-128
#: for SETs, from the node itself only
ADMIN: Final = "lab-admin"
COLLECTOR_ADDRESS: Final = MANAGEMENT[1]
INTERFACES: Final = "swp*,eth1"
#: how often LLDP is sent; what was heard is kept four times as long
LLDP_TX_S: Final = 5

#: Counter64 in MIB-2: IF-MIB (ifHC*), IP-MIB (its statistics have them throughout), TCP-MIB, UDP-MIB
_COUNTERS_64: Final = (
    *(f".1.3.6.1.2.1.31.1.1.1.{column}" for column in range(6, 14)),
    ".1.3.6.1.2.1.4.31", ".1.3.6.1.2.1.6.17", ".1.3.6.1.2.1.6.18", ".1.3.6.1.2.1.7.8", ".1.3.6.1.2.1.7.9",
)  # fmt: skip
_MONITOR: Final = (
    "createUser _internal SHA-256 internal-authpass-lab",
    "iquerySecName _internal",
    "rouser _internal auth",
    "notificationEvent linkUp .1.3.6.1.6.3.1.1.5.4 .1.3.6.1.2.1.2.2.1.1 .1.3.6.1.2.1.2.2.1.7 .1.3.6.1.2.1.2.2.1.8",
    "notificationEvent linkDown .1.3.6.1.6.3.1.1.5.3 .1.3.6.1.2.1.2.2.1.1 .1.3.6.1.2.1.2.2.1.7 .1.3.6.1.2.1.2.2.1.8",
    'monitor -r 3 -e linkUp "linkUp" .1.3.6.1.2.1.2.2.1.8 != 2',
    'monitor -r 3 -e linkDown "linkDown" .1.3.6.1.2.1.2.2.1.8 == 2',
)


def address(spec: Spec, node: str) -> str:
    """Return the management address of a node or of the collector."""
    return str(COLLECTOR_ADDRESS if node == COLLECTOR else spec.node(node).management)


def files(place: Place, spec: Spec, node: Node) -> Iterator[tuple[Path, str]]:
    """Yield every file that the node's daemons read, and its text."""
    folder = place.of(node.name)
    if node.agent is not Agent.SILENT:
        yield folder / "snmp" / "snmpd.conf", _snmpd(place, node)
        yield folder / "snmp" / "snmp.conf", _snmp(node)
        # What FRR's agents read: where the master is, and how often to look whether it is still there, which is how
        # they find it again after a restart of snmpd. lldpd reads no file, from its chroot, and looks every 15 s.
        yield folder / "snmp" / "frr.conf", f"agentXSocket unix:{place.agentx(node.name)}\nagentXPingInterval 3\n"
    yield folder / "lldpd.conf", _lldpd(place, node)
    if node.router:
        frr = place.frr(node.name)
        common = [f"hostname {node.name}", f"log file {place.log(node.name, 'frr')} informational"]
        if node.agent is not Agent.SILENT:
            common.append("agentx")
        yield frr / "zebra.conf", _lines(common)
        yield frr / "ospfd.conf", _lines([*common, *_ospf(spec, node)])
        yield frr / "bgpd.conf", _lines([*common, *_bgp(spec, node)])


def _lines(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _snmp(node: Node) -> str:
    """Return snmp.conf: which versions net-snmp's library speaks in this process."""
    return "disableSNMPv2c yes\ndisableSNMPv3 yes\n" if node.agent is Agent.V1_ONLY else ""


def _snmpd(place: Place, node: Node) -> str:
    narrow = node.agent is Agent.NO_64_BIT
    view = " -V seen" if narrow else ""
    lines = [
        "agentAddress udp:161",
        "master agentx",
        f"agentXSocket unix:{place.agentx(node.name)}",
        "agentXPerms 0777 0755",  # FRR and lldpd are other users
        f"sysName {node.name}",
        f"sysLocation {node.location}",
        "sysContact noc@lab.example",
        "sysServices 78",
        f"rocommunity {node.community} default{view}",
        f"rwcommunity {ADMIN} 127.0.0.1",
        "dontLogTCPWrappersConnects yes",
    ]
    if narrow:
        lines += ["view seen included .1", *(f"view seen excluded {oid}" for oid in _COUNTERS_64)]
    if node.agent is Agent.V1_ONLY:
        return _lines([*lines, f"trapsink {COLLECTOR_ADDRESS}:162 {node.community}"])
    user = [f"createUser {V3_USER} SHA-256 {V3_AUTH} AES {V3_PRIV}", f"rouser {V3_USER} priv{view}"]
    return _lines([*lines, *user, f"trap2sink {COLLECTOR_ADDRESS}:162 {node.community}", *_MONITOR])


def _lldpd(place: Place, node: Node) -> str:
    return _lines([
        f"configure system hostname {node.name}",
        f'configure system description "{node.name} in lab {place.name}: {"router" if node.router else "host"}"',
        f"configure system interface pattern {INTERFACES}",
        f"configure system ip management pattern {node.management}",
        f"configure lldp tx-interval {LLDP_TX_S}",
        "configure lldp portidsubtype ifname",
    ])  # fmt: skip


def _ospf(spec: Spec, node: Node) -> Iterator[str]:
    for here, there in spec.ends(node.name):
        yield f"interface {here.port.name}"
        yield " ip ospf area 0"
        if spec.nodes[there.port.node].router:
            yield " ip ospf network point-to-point"
            yield " ip ospf hello-interval 1"
            yield " ip ospf dead-interval 4"
        else:
            yield " ip ospf passive"
    yield "interface lo"
    yield " ip ospf area 0"
    yield "router ospf"
    yield f" ospf router-id {node.loopback}"
    yield " timers throttle spf 50 100 1000"


def _bgp(spec: Spec, node: Node) -> Iterator[str]:
    """Yield numbered eBGP: BGP4-MIB has IPv4 peers only, so unnumbered sessions would be missing from it."""
    yield f"router bgp {node.asn}"
    yield f" bgp router-id {node.loopback}"
    yield " no bgp ebgp-requires-policy"
    yield " bgp bestpath as-path multipath-relax"
    yield " timers bgp 3 9"
    yield " bgp log-neighbor-changes"
    for _, there in spec.routers_beside(node.name):
        peer = there.address.ip
        yield f" neighbor {peer} remote-as {spec.nodes[there.port.node].asn}"
        yield f" neighbor {peer} description {there.port.node} {there.port.name}"
        yield f" neighbor {peer} timers connect 3"
        yield f" neighbor {peer} advertisement-interval 0"
    yield " address-family ipv4 unicast"
    yield f"  network {node.loopback}/32"
    yield "  maximum-paths 4"
    yield from (f"  network {network}" for network in _stubs(spec, node))
    yield " exit-address-family"


def _stubs(spec: Spec, node: Node) -> Iterator[str]:
    ends: Iterator[tuple[End, End]] = spec.ends(node.name)
    return (str(here.address.network) for here, there in ends if not spec.nodes[there.port.node].router)
