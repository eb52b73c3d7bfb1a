"""Templates for new configurations, one for each kind of start; each passes `panoptes config check`."""

import enum
from collections.abc import Mapping
from typing import Final

from streams.pipeline import STAGES


class Start(enum.StrEnum):
    """A kind of installation to start with."""

    LOCAL = "local"  #: `panoptes stack up` on this machine, an example list of devices
    DEVICES = "devices"  #: services that are there already, plain; your own devices
    SECURED = "secured"  #: the same with TLS, users, and credentials encrypted at rest


_SECTIONS: Final = """\

# Where devices come from (docs/discovery.md). Their list is read again at each run: no restart.
[discovery:devices]
plugin = from-file
interval_s = 60
path = devices.yaml
# Devices that leave the list leave the inventory after this.
ttl_s = 86400

# What they are: asked by SNMP (docs/profiles.md).
[enrichment:device]
plugin = device-facts
interval_s = 10m

[enrichment:interfaces]
plugin = interfaces
interval_s = 10m

# Who is behind their ports: makes the map (docs/topology.md).
[enrichment:neighbours]
plugin = neighbours
interval_s = 5m

# What is polled, and how often. A filter picks devices: filter = resource_site = 'fra1'
[polling:interfaces]
plugin = snmp
interval_s = 60

# Where numbers go beside Kafka (docs/sinks.md); take the `#` off.
#[sink:store]
#plugin = prometheus-remote-write
#url = http://127.0.0.1:8428
"""

_LOCAL: Final = """\
# Written by `panoptes init --start local`: everything on this machine, for a first look.
# `panoptes config check` names every fault; docs/configuration.md has every setting.

# The services of `panoptes stack up` on their usual ports; `panoptes stack env` says where they are if not there.
[kafka]
bootstrap_servers = 127.0.0.1:19092

[zookeeper]
hosts = 127.0.0.1:12181

[redis]
url = redis://127.0.0.1:16379/0

[registry]
url = http://127.0.0.1:18081/apis/ccompat/v7
"""

_DEVICES: Final = """\
# Written by `panoptes init --start devices`: services that are there already, and your own devices.
# `panoptes config check` names every fault, `panoptes doctor` asks every service.

[panoptes]
# The first part of every topic's and group's name: two pipelines on the same brokers have two.
topic_prefix = panoptes
# What a worker keeps on disk; it may be lost.
state_dir = .state/panoptes

[kafka]
bootstrap_servers = kafka1.example.net:9092, kafka2.example.net:9092, kafka3.example.net:9092
# The most workers that a stage can use. Fixed once topics exist: choose with room to grow.
partitions = 32
replication_factor = 3
min_insync_replicas = 2

[zookeeper]
hosts = zk1.example.net:2181, zk2.example.net:2181, zk3.example.net:2181

# The devices' credentials: panoptes secrets set --site SITE
[redis]
url = redis://redis.example.net:6379/0

# Any registry with the Confluent API. Without a url ids stand in files, which all workers must then share.
[registry]
url = http://registry.example.net:8081
"""

_SECURED: Final = """\
# Written by `panoptes init --start secured`: TLS to every service, a user for each stage (docs/security.md).
# Passwords do not stand here: each worker is given its own by environment, e.g. PANOPTES_KAFKA_SASL_PASSWORD.

[panoptes]
topic_prefix = panoptes
state_dir = /var/lib/panoptes

[kafka]
bootstrap_servers = kafka1.example.net:9093, kafka2.example.net:9093, kafka3.example.net:9093
partitions = 32
replication_factor = 3
min_insync_replicas = 2
security_protocol = SASL_SSL
sasl_mechanism = SCRAM-SHA-512
# panoptes-<stage> for the workers of a stage, panoptes-operator for commands: PANOPTES_KAFKA_SASL_USERNAME
ssl_ca_file = ca.pem

[zookeeper]
hosts = zk1.example.net:2281, zk2.example.net:2281, zk3.example.net:2281
tls = true
ssl_ca_file = ca.pem
# All workers are one user here: PANOPTES_ZOOKEEPER_USERNAME and PANOPTES_ZOOKEEPER_PASSWORD.

# With user and password it is PANOPTES_REDIS_URL=rediss://USER:PASSWORD@redis.example.net:6379/0?ssl_ca_certs=ca.pem
[redis]
url = rediss://redis.example.net:6379/0?ssl_ca_certs=ca.pem
# Made by `panoptes secrets new-key key-ring`; then `panoptes secrets encrypt`, then require_encrypted.
key_ring = key-ring
require_encrypted = true

# With PANOPTES_REGISTRY_USERNAME and PANOPTES_REGISTRY_PASSWORD.
[registry]
url = https://registry.example.net:8443
ssl_ca_file = ca.pem
"""

DEVICE_LIST: Final = """\
# Your devices (docs/discovery.md). It is read again at each run of discovery; a bad entry is named with its line.
- site: fra1
  class: network
  subclass: switch
  type: cisco
  id: sw1.fra1
  endpoint: 192.0.2.17 # port 161 where none is given
"""

_HEADS: Final[Mapping[Start, str]] = {Start.LOCAL: _LOCAL, Start.DEVICES: _DEVICES, Start.SECURED: _SECURED}
_NEXT: Final[Mapping[Start, tuple[str, ...]]] = {
    Start.LOCAL: ("panoptes stack up",),
    Start.DEVICES: ("put your services' addresses into panoptes.ini",),
    Start.SECURED: (
        "put your services' addresses into panoptes.ini, and the authority's certificate beside it as ca.pem",
        "panoptes secrets new-key key-ring",
        "panoptes acls print --for kafka    # and --for redis: give each user its rights",
        "export PANOPTES_KAFKA_SASL_USERNAME=panoptes-operator, PANOPTES_KAFKA_SASL_PASSWORD and PANOPTES_REDIS_URL",
    ),
}
_THEN: Final = (
    "list your devices in devices.yaml",
    "panoptes config check",
    "panoptes topics create",
    "panoptes secrets set --site fra1    # asks for the community",
    "panoptes doctor",
    "honcho start                        # a worker of each stage; or: faust -A streams.<stage> worker",
)


def files(start: Start) -> dict[str, str]:
    """Return the initial files: name -> text."""
    return {"panoptes.ini": _HEADS[start] + _SECTIONS, "devices.yaml": DEVICE_LIST, "Procfile": _procfile()}


def _procfile() -> str:
    return "".join(f"{stage.name}: faust -A streams.{stage.name} worker --loglevel=info\n" for stage in STAGES)


def next_steps(start: Start) -> tuple[str, ...]:
    """Return the next steps for the user, in order."""
    return (*_NEXT[start], *_THEN)
