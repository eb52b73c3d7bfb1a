"""Three brokers, three ZooKeepers, Redis with a replica; the registry and the store as they are alone."""

import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from streams.playground.services import probes
from streams.playground.services.recipes import (
    RECIPES,
    Kafka,
    Recipe,
    Redis,
    ServicePlace,
    ZooKeeper,
    filled,
    replaced,
)

NODES: Final = (1, 2, 3)
#: how the pipeline makes topics here
SETTINGS: Final[Mapping[str, str]] = {
    "PANOPTES_KAFKA_REPLICATION_FACTOR": "3",
    "PANOPTES_KAFKA_MIN_INSYNC_REPLICAS": "2",
}


class ClusterKafka(Kafka):
    """One of three nodes, each broker and controller."""

    heap = ("-Xms128m", "-Xmx320m")

    def __init__(self, node: int) -> None:
        self._node = node
        self.name = f"kafka-{node}"
        self.ports = MappingProxyType({self.name: 19192 + 10 * node, f"{self.name}-controller": 19193 + 10 * node})

    def membership(self, place: ServicePlace) -> list[str]:
        # the three agree on it without being told: it is of the folder that they share
        cluster = uuid.uuid5(uuid.NAMESPACE_URL, place.data.parent.as_uri())
        return [f"--cluster-id={urlsafe_b64encode(cluster.bytes).rstrip(b'=').decode()}"]

    def properties(self, place: ServicePlace) -> str:
        voters = (f"{node}@{probes.HOST}:{place.ports[f'kafka-{node}-controller']}" for node in NODES)
        overlay = filled("kafka-cluster.properties", node=self._node, voters=",".join(voters))
        return replaced(super().properties(place), overlay)


class ClusterZooKeeper(ZooKeeper):
    """One of three servers, of which two must agree."""

    main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"

    def __init__(self, node: int) -> None:
        self._node = node
        self.name = f"zookeeper-{node}"
        first = 12281 + 10 * node
        self.ports = MappingProxyType(
            {self.name: first, f"{self.name}-peers": first + 1, f"{self.name}-votes": first + 2}
        )

    def prepare(self, place: ServicePlace) -> None:
        super().prepare(place)
        (place.data / "myid").write_text(f"{self._node}\n")
        servers = (
            f"server.{node}={probes.HOST}:{place.ports[f'zookeeper-{node}-peers']}"
            f":{place.ports[f'zookeeper-{node}-votes']}"
            for node in NODES
        )
        with (place.data / "zoo.cfg").open("a") as configuration:
            configuration.write(filled("zoo-cluster.cfg", servers="\n".join(servers)))


class ReplicaRedis(Redis):
    """Has what `redis` has, and serves those who read while that is away."""

    name = "redis-replica"
    ports = MappingProxyType({"redis-replica": 16380})
    variable = "PANOPTES_REDIS_REPLICA_URLS"

    def command(self, place: ServicePlace) -> list[str]:
        return [*super().command(place), "--replicaof", probes.HOST, str(place.ports["redis"])]


CLUSTER: Final[dict[str, Recipe]] = {
    recipe.name: recipe
    for recipe in (
        *(ClusterKafka(node) for node in NODES),
        *(ClusterZooKeeper(node) for node in NODES),
        *(RECIPES["redis"], ReplicaRedis(), RECIPES["apicurio"], RECIPES["victoria-metrics"]),
    )
}
