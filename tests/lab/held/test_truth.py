"""What the kernel, FRR and lldpd print is read as they mean it."""

import ast
import json
from pathlib import Path

from tests.lab import truth
from tests.lab.truth import BgpPeer, Counters, Link, Neighbour, OspfNeighbour


def test_interfaces_of_ip() -> None:
    entry = {
        "ifindex": 4, "ifname": "swp3", "flags": ["NO-CARRIER", "BROADCAST", "UP"], "mtu": 1500,
        "ifalias": "to-host1-eth1", "address": "02:00:00:00:00:04",
        "stats64": {
            "rx": {"bytes": 5_000_000_000, "packets": 7, "errors": 1, "dropped": 2},
            "tx": {"bytes": 3, "packets": 4, "errors": 5, "dropped": 6},
        },
    }  # fmt: skip
    received, sent = Counters(5_000_000_000, 7, 1, 2), Counters(3, 4, 5, 6)
    [link] = truth.parse_links(json.dumps([entry]))
    assert link == Link("swp3", 4, "to-host1-eth1", True, False, 1500, "02:00:00:00:00:04", received, sent)


def test_sessions_of_bgpd() -> None:
    said = {
        "10.99.64.0": {"remoteAs": 65000, "bgpState": "Established"},
        "10.99.64.8": {"remoteAs": 65000, "bgpState": "Idle", "adminShutDown": True},
    }
    assert truth.parse_bgp(json.dumps(said)) == [
        BgpPeer("10.99.64.0", 65000, "Established", shut=False),
        BgpPeer("10.99.64.8", 65000, "Idle", shut=True),
    ]


def test_bgpd_without_sessions() -> None:
    assert truth.parse_bgp('{"bgpNoSuchNeighbor": true}') == []


def test_adjacencies_of_ospfd() -> None:
    entry = {"nbrState": "Full/-", "ifaceAddress": "10.99.64.0", "ifaceName": "swp1:10.99.64.1"}
    said = json.dumps({"neighbors": {"10.99.255.11": [entry]}})
    assert truth.parse_ospf(said) == [OspfNeighbour("10.99.255.11", "10.99.64.0", "swp1", "Full")]


def test_neighbours_of_lldpd() -> None:
    chassis = {
        "id": [{"type": "mac", "value": "02:9b:3f:d8:4e:df"}],
        "name": [{"value": "leaf1"}],
        "mgmt-ip": [{"value": "10.99.0.13"}],
    }
    heard = {"name": "swp1", "chassis": [chassis], "port": [{"id": [{"type": "ifname", "value": "swp2"}]}]}
    said = json.dumps({"lldp": [{"interface": [heard]}]})
    assert truth.parse_neighbours(said) == [
        Neighbour("swp1", "leaf1", "02:9b:3f:d8:4e:df", "swp2", ("10.99.0.13",)),
    ]


def test_lldpd_without_neighbours() -> None:
    assert truth.parse_neighbours('{"lldp": [{}]}') == []


def test_it_shares_no_code_with_what_it_judges() -> None:
    read = ast.parse(Path(truth.__file__).read_text())
    imports = [node for node in ast.walk(read) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in imports] == ["import json", "from typing import Any, NamedTuple"]
