"""Writes the demo's files: a configuration, a list of devices, an snmpd.conf. Texts only."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Final, TypedDict

#: new devices are found, and asked what they are, within seconds: for a demonstration, not for a network
DISCOVER_EVERY_S: Final = 5
ENRICH_EVERY_S: Final = 60
RESOURCE_TTL_S: Final = 3600
PREFIX: Final = "panoptes"
HOST_COMMUNITY: Final = "this-machine"
HOST_SITE: Final = "local"

_INI: Final = Template("""\
# Written by `panoptes demo` at each start.
[panoptes]
state_dir = $state
topic_prefix = $prefix

[web]
base_port = 0

[discovery:demo]
plugin = from-file
interval_s = $discover_every_s
path = $devices
class = network
subclass = switch
ttl_s = $ttl_s

[enrichment:facts]
plugin = device-facts
interval_s = $enrich_every_s

[enrichment:interfaces]
plugin = interfaces
interval_s = $enrich_every_s

[enrichment:neighbours]
plugin = neighbours
interval_s = $enrich_every_s

[enrichment:addresses]
plugin = addresses
interval_s = $enrich_every_s

[enrichment:inventory]
plugin = inventory
interval_s = $enrich_every_s

[enrichment:bgp]
plugin = bgp
interval_s = $enrich_every_s

[polling:snmp]
plugin = snmp
interval_s = $interval_s
""")

_SINK: Final = Template("""
[sink:store]
plugin = prometheus-remote-write
topics = gauges, poll-status
url = $url
start = earliest
""")

_SNMPD: Final = Template("""\
# Written by `panoptes demo`: this machine as one more device, on loopback, read-only.
rocommunity $community 127.0.0.1
sysLocation the machine that runs the demo
sysContact noc@example.net
""")


def configuration(*, state: Path, devices: Path, interval_s: int, prefix: str = PREFIX, store: str = "") -> str:
    """Return the pipeline's panoptes.ini; `store` is its sink's URL. Where the services are comes by environment."""
    sink = _SINK.substitute(url=store) if store else ""
    return _pipeline(state, devices, interval_s, prefix) + sink


def _pipeline(state: Path, devices: Path, interval_s: int, prefix: str) -> str:
    return _INI.substitute(
        state=state,
        prefix=prefix,
        devices=devices,
        interval_s=interval_s,
        discover_every_s=DISCOVER_EVERY_S,
        enrich_every_s=ENRICH_EVERY_S,
        ttl_s=RESOURCE_TTL_S,
    )


def snmpd_configuration() -> str:
    return _SNMPD.substitute(community=HOST_COMMUNITY)


class Simulated(TypedDict):
    """An entry of the device list for a simulated device."""

    site: str
    vendor: str
    id: str
    endpoint: str
    model: str
    role: str


class Fleet(TypedDict):
    """The simulators' account of themselves."""

    devices: Sequence[Simulated]
    communities: Mapping[str, str]


def device_list(fleet: Fleet, host_endpoint: str | None) -> str:
    """Return the JSON list for the from-file plugin: the simulated devices, and this machine where it answers."""
    entries: list[dict[str, object]] = [
        {
            "site": device["site"],
            "type": device["vendor"],
            "id": device["id"],
            "endpoint": device["endpoint"],
            "labels": {"model": device["model"], "role": device["role"]},
        }
        for device in fleet["devices"]
    ]
    if host_endpoint is not None:
        entries.append({
            "site": HOST_SITE, "class": "system", "subclass": "host", "type": "net-snmp", "id": "this-machine",
            "endpoint": host_endpoint,
        })  # fmt: skip
    return json.dumps(entries, indent=1)


def secrets(fleet: Fleet) -> dict[str, str]:
    """Return the keys and communities to store in Redis; `default` is among the sites."""
    communities = {**fleet["communities"], HOST_SITE: HOST_COMMUNITY}
    return {f"panoptes:secrets:snmp_community_string:{site}": community for site, community in communities.items()}


def stage_command(python: str, stage: str) -> Sequence[str]:
    return (python, "-m", "faust", "-A", f"streams.{stage}", "worker", "--loglevel", "info")
