"""Starts the daemons of a node: net-snmp's, lldpd's and FRR's, each as it is told in its own manual."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import Final

from tests.lab.spec import Agent, Node, Spec
from tests.lab.testbed import config, system
from tests.lab.testbed.agents import snmpset
from tests.lab.testbed.place import Place
from tests.lab.truth import parse_links

FRR: Final = Path("/usr/lib/frr")
START_TIMEOUT_S: Final = 15.0
#: lldpd's chroot, compiled in; shared by all of this machine's, harmlessly
LLDPD_CHROOT: Final = Path("/run/lldpd")
#: NET-SNMP-AGENT-MIB's nsCacheTimeout of ifTable: how old what it says of interfaces may be, in seconds
_CACHE_TIMEOUT: Final = "1.3.6.1.4.1.8072.1.5.3.1.2.1.3.6.1.2.1.2.2"
_IF_ALIAS: Final = "1.3.6.1.2.1.31.1.1.1.18"


def prepare(place: Place, spec: Spec, node: Node) -> None:
    """Make the node's folder, with every file that its daemons read."""
    for folder, mode in ((place.of(node.name), 0o755), (place.of(node.name) / "log", 0o777)):
        folder.mkdir()
        folder.chmod(mode)
    for path, text in config.files(place, spec, node):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if node.router:
        for path in (place.frr(node.name), *place.frr(node.name).iterdir()):
            shutil.chown(path, "frr", "frr")


def start_all(place: Place, node: Node, cache_s: int, stop: Event) -> None:
    """Start everything that the node runs. Raises LabProblem, Interrupted."""
    if node.agent is not Agent.SILENT:
        start_snmpd(place, node, cache_s, stop)
    _start_lldpd(place, node)
    if node.router:
        _start_frr(place, node, stop)


def start_snmpd(place: Place, node: Node, cache_s: int, stop: Event | None = None) -> None:
    """Start the agent, and tell it what it takes by SET only. Raises LabProblem, Interrupted."""
    socket = place.agentx(node.name)
    socket.unlink(missing_ok=True)
    # Its configuration is found by SNMPCONFPATH: told by -C -c it would forget its engine's id and boots (SNMPv3).
    _start(place, node, "snmpd", "/usr/sbin/snmpd", "-f", "-Lo", "-I", "-smux")
    _wait_for_socket(place, node, "snmpd", socket, stop)
    _set(place, node, cache_s)


def _set(place: Place, node: Node, cache_s: int) -> None:
    """Tell the agent how often to read its interfaces' counters, and their aliases, which it does not take itself."""
    links = parse_links(system.run("ip", "-n", place.namespace(node.name), "-s", "-j", "link"))
    values = [(_CACHE_TIMEOUT, "i", str(cache_s))]
    values += [(f"{_IF_ALIAS}.{link.number}", "s", link.alias) for link in links if link.alias]
    snmpset(place, node, values)


def _start_lldpd(place: Place, node: Node) -> None:
    LLDPD_CHROOT.mkdir(mode=0o755, exist_ok=True)
    folder = place.of(node.name)
    agentx = () if node.agent is Agent.SILENT else ("-X", f"unix:{place.agentx(node.name)}")
    own = ("-c", "-u", str(folder / "lldpd.sock"), "-O", str(folder / "lldpd.conf"), "-I", config.INTERFACES)
    _start(place, node, "lldpd", "/usr/sbin/lldpd", "-d", *own, *agentx)


def _start_frr(place: Place, node: Node, stop: Event) -> None:
    folder = place.frr(node.name)
    for daemon in ("zebra", "ospfd", "bgpd"):
        module = () if node.agent is Agent.SILENT else ("-M", "snmp")
        own = ("-f", f"{folder}/{daemon}.conf", "-i", f"{folder}/{daemon}.pid", "-z", f"{folder}/zserv.api")
        shell = ("--vty_socket", str(folder), "-P", "0", "-u", "frr", "-g", "frr")
        _start(place, node, daemon, str(FRR / daemon), *module, *own, *shell)
        if daemon == "zebra":  # the others wait for its socket by themselves, but look only every ten seconds
            _wait_for_socket(place, node, daemon, folder / "zserv.api", stop)


def _wait_for_socket(place: Place, node: Node, daemon: str, socket: Path, stop: Event | None) -> None:
    pid = system.pid_of(place.pid(node.name, daemon))
    problem = f"{daemon} of {node.name} does not start; see {place.log(node.name, daemon)}"

    def there() -> bool:
        if pid is None or not Path(f"/proc/{pid}").exists():
            raise system.LabProblem(problem)
        return socket.is_socket()

    system.wait_until(there, START_TIMEOUT_S, problem, stop)


def _start(place: Place, node: Node, name: str, *command: str) -> None:
    system.start(
        place.namespace(node.name),
        command,
        pid=place.pid(node.name, name),
        log=place.log(node.name, name),
        environment=_environment(place, node),
    )


def _environment(place: Place, node: Node) -> Mapping[str, str]:
    folder = place.of(node.name) / "snmp"
    state = folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    return {"SNMPCONFPATH": f"{folder}{os.pathsep}{state}", "SNMP_PERSISTENT_DIR": str(state), "MIBS": ""}
