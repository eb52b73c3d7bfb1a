"""The recipe of each service: its files, its command line, and its health check."""

import subprocess
import uuid
from abc import ABC, abstractmethod
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import ClassVar, Final

from streams.playground.services import jars, probes, tools
from streams.playground.services.problems import StackProblem

TEMPLATES: Final = Path(__file__).parent / "templates"
FORMAT_TIMEOUT_S: Final = 120
SMALL_JVM: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlace:
    """The ports and folders of one service."""

    data: Path  #: what it keeps
    log: Path  #: what it says
    jars: Path  #: what Maven brought, for all services
    ports: Mapping[str, int] = field(default_factory=dict)  #: name of the port -> number; those of its peers, too


class Recipe(ABC):
    """One service. Nothing here keeps state: everything stands in the place."""

    name: str
    #: its ports and their defaults; the first, of the service's own name, is the one that clients use
    ports: Mapping[str, int]
    #: setting that points the pipeline at it, as an environment variable
    variable: ClassVar[str]
    jars: ClassVar[str] = ""  #: the pom whose jars it runs; empty: it is no Java

    def absent(self) -> str | None:
        """Return why this optional service is not available on this machine, or None."""
        return None

    def prepare(self, place: ServicePlace) -> None:  # noqa: B027 (not every service needs files)
        """Write the files that the service needs before it starts. Raises StackProblem."""

    @abstractmethod
    def command(self, place: ServicePlace) -> list[str]:
        """Return the command line. Raises StackProblem."""

    def environment(self, place: ServicePlace) -> dict[str, str]:  # noqa: ARG002
        return {}

    @abstractmethod
    def why_not(self, place: ServicePlace) -> str | None:
        """Return None when the service answers, else why not."""

    @abstractmethod
    def address(self, place: ServicePlace) -> str:
        """Return the address for clients, in the form of the pipeline's setting."""

    def port(self, place: ServicePlace) -> int:
        return place.ports[self.name]


def filled(name: str, **values: object) -> str:
    """Fill in a template."""
    return Template((TEMPLATES / name).read_text()).substitute(values)


def replaced(plain: str, others: str) -> str:
    """Return properties with others in the place of those of the same name."""
    names = {line.partition("=")[0] for line in others.splitlines() if "=" in line}
    kept = [line for line in plain.splitlines() if line.partition("=")[0] not in names]
    return "\n".join(kept) + "\n" + others


class Kafka(Recipe):
    """Apache Kafka, one node that is broker and controller (KRaft)."""

    name = "kafka"
    ports = MappingProxyType({"kafka": 19092, "kafka-controller": 19093})
    variable = "PANOPTES_KAFKA_BOOTSTRAP_SERVERS"
    jars = "kafka"
    heap: ClassVar = ("-Xms128m", "-Xmx512m")

    def prepare(self, place: ServicePlace) -> None:
        properties = place.data / "server.properties"
        properties.write_text(self.properties(place))
        if (place.data / "log" / "meta.properties").exists():
            return
        done = subprocess.run(  # noqa: S603 (a fixed command, no shell)
            [
                *self._java(place, "-Xmx128m", *SMALL_JVM, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"),
                *("kafka.tools.StorageTool", "format", *self.membership(place), "-c", str(properties)),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=FORMAT_TIMEOUT_S,
        )
        if done.returncode != 0:
            raise StackProblem(f"kafka's storage could not be formatted:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def membership(self, place: ServicePlace) -> list[str]:  # noqa: ARG002
        """Return which cluster the node is of, as its storage is told."""
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        return ["--standalone", f"--cluster-id={cluster}"]

    def properties(self, place: ServicePlace) -> str:
        """Return the broker's configuration file."""
        return filled(
            "kafka.properties",
            port=self.port(place),
            controller=place.ports[f"{self.name}-controller"],
            logs=place.data / "log",
        )

    def options(self, place: ServicePlace) -> list[str]:  # noqa: ARG002
        """Return what the broker's Java is told."""
        return [*self.heap, "-XX:+UseG1GC"]

    def command(self, place: ServicePlace) -> list[str]:
        return [
            *self._java(place, *self.options(place)),
            "kafka.Kafka",
            str(place.data / "server.properties"),
        ]

    def why_not(self, place: ServicePlace) -> str | None:
        return probes.kafka(self.port(place), serves=self.port(place))

    def address(self, place: ServicePlace) -> str:
        return f"{probes.HOST}:{self.port(place)}"

    @staticmethod
    def _java(place: ServicePlace, *options: str) -> list[str]:
        return [
            *(tools.java(), *options, "-Djava.awt.headless=true", "-Djava.net.preferIPv4Stack=true"),
            *("-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS"),
            *("-cp", f"{jars.fetched(place.jars, 'kafka')}/*"),
        ]


class ZooKeeper(Recipe):
    """Apache ZooKeeper, standalone."""

    name = "zookeeper"
    ports = MappingProxyType({"zookeeper": 12181})
    variable = "PANOPTES_ZOOKEEPER_HOSTS"
    jars = "zookeeper"
    main = "org.apache.zookeeper.server.ZooKeeperServerMain"

    def prepare(self, place: ServicePlace) -> None:
        (place.data / "zoo.cfg").write_text(filled("zoo.cfg", port=self.port(place), data=place.data))

    def command(self, place: ServicePlace) -> list[str]:
        return [
            *(tools.java(), "-Xmx256m", *SMALL_JVM, "-Djava.awt.headless=true", "-Djava.net.preferIPv4Stack=true"),
            *("-Dzookeeper.admin.enableServer=false", "-Dzookeeper.preAllocSize=1024"),
            *("-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS"),
            *("-cp", f"{jars.fetched(place.jars, 'zookeeper')}/*"),
            *(self.main, str(place.data / "zoo.cfg")),
        ]

    def why_not(self, place: ServicePlace) -> str | None:
        return probes.zookeeper(self.port(place))

    def address(self, place: ServicePlace) -> str:
        return f"{probes.HOST}:{self.port(place)}"


class Redis(Recipe):
    """Redis, keeping every write in an append-only file, so that a kill loses nothing."""

    name = "redis"
    ports = MappingProxyType({"redis": 16379})
    variable = "PANOPTES_REDIS_URL"

    def command(self, place: ServicePlace) -> list[str]:
        return [
            *(tools.redis_server(), "--bind", probes.HOST, "--port", str(self.port(place)), "--dir", str(place.data)),
            *("--daemonize", "no", "--save", "", "--appendonly", "yes", "--protected-mode", "yes"),
        ]

    def why_not(self, place: ServicePlace) -> str | None:
        return probes.redis(self.port(place))

    def address(self, place: ServicePlace) -> str:
        return f"redis://{probes.HOST}:{self.port(place)}/0"


class Apicurio(Recipe):
    """Apicurio Registry with its database in a file, since ids must live as long as the records that carry them."""

    name = "apicurio"
    ports = MappingProxyType({"apicurio": 18081})
    variable = "PANOPTES_REGISTRY_URL"
    jars = "apicurio"
    api: Final = "/apis/ccompat/v7"

    def command(self, place: ServicePlace) -> list[str]:
        folder = jars.fetched(place.jars, "apicurio")
        found = sorted(folder.glob("apicurio-registry-app-*-runner.jar"))
        if not found:
            raise StackProblem(f"no apicurio-registry-app-*-runner.jar in {folder}: remove that folder and try again")
        return [
            *(tools.java(), "-Xmx256m", *SMALL_JVM, "-Djava.net.preferIPv4Stack=true"),
            *(f"-Dquarkus.http.host={probes.HOST}", f"-Dquarkus.http.port={self.port(place)}"),
            *("-Dquarkus.datasource.jdbc.initial-size=2", "-Dquarkus.datasource.jdbc.min-size=2"),
            *("-Dquarkus.datasource.jdbc.max-size=10", "-jar", str(found[0])),
        ]

    def environment(self, place: ServicePlace) -> dict[str, str]:
        # WRITE_DELAY=0: an id is on disk before it is given out, so that not even a kill takes it back.
        return {"REGISTRY_DATASOURCE_URL": f"jdbc:h2:file:{place.data / 'registry'};WRITE_DELAY=0"}

    def why_not(self, place: ServicePlace) -> str | None:
        return probes.registry(self.port(place), f"{self.api}/subjects")

    def address(self, place: ServicePlace) -> str:
        return f"http://{probes.HOST}:{self.port(place)}{self.api}"


class VictoriaMetrics(Recipe):
    """VictoriaMetrics, one node: a store for gauges, where the machine has it."""

    name = "victoria-metrics"
    ports = MappingProxyType({"victoria-metrics": 18428})
    variable = "PANOPTES_SINK_STORE_URL"

    def absent(self) -> str | None:
        try:
            tools.victoria_metrics()
        except StackProblem as problem:
            return str(problem)
        return None

    def command(self, place: ServicePlace) -> list[str]:
        return [
            *(tools.victoria_metrics(), f"-storageDataPath={place.data / 'data'}"),
            f"-httpListenAddr={probes.HOST}:{self.port(place)}",
            # what was just written is shown, and what a sink writes again after a crash counts once
            *("-search.latencyOffset=0s", "-dedup.minScrapeInterval=1ms", "-memory.allowedBytes=256MB"),
        ]

    def why_not(self, place: ServicePlace) -> str | None:
        return probes.http_ok(self.port(place), "/health")

    def address(self, place: ServicePlace) -> str:
        return f"http://{probes.HOST}:{self.port(place)}"


RECIPES: Final[dict[str, Recipe]] = {
    recipe.name: recipe for recipe in (Kafka(), ZooKeeper(), Redis(), Apicurio(), VictoriaMetrics())
}
