"""Asks the kernel, FRR and lldpd of a node what is true now."""

from typing import NamedTuple

from tests.lab import truth
from tests.lab.testbed import system
from tests.lab.testbed.place import Place


class Reading(NamedTuple):
    """The truth of one lab. Every method raises LabProblem where a program fails."""

    place: Place

    def links(self, node: str) -> list[truth.Link]:
        return truth.parse_links(system.run("ip", "-n", self.place.namespace(node), "-s", "-j", "link"))

    def bgp(self, node: str) -> list[truth.BgpPeer]:
        return truth.parse_bgp(self.vtysh(node, "show bgp neighbors json"))

    def ospf(self, node: str) -> list[truth.OspfNeighbour]:
        return truth.parse_ospf(self.vtysh(node, "show ip ospf neighbor json"))

    def neighbours(self, node: str) -> list[truth.Neighbour]:
        socket = self.place.of(node) / "lldpd.sock"
        return truth.parse_neighbours(
            self._within(node, "lldpcli", "-u", str(socket), "-f", "json0", "show", "neighbors")
        )

    def vtysh(self, node: str, *commands: str) -> str:
        """Return what FRR's shell of a node prints."""
        said = [part for command in commands for part in ("-c", command)]
        return self._within(node, "vtysh", "--vty_socket", str(self.place.frr(node)), *said)

    def _within(self, node: str, *command: str) -> str:
        return system.run(*system.within(self.place.namespace(node), *command))
