"""The recipes of the services with TLS and users; the store is as without."""

import ssl
from typing import ClassVar, Final

from streams.playground.services import probes, tools
from streams.playground.services.problems import StackProblem
from streams.playground.services.recipes import (
    RECIPES,
    Apicurio,
    Kafka,
    Recipe,
    Redis,
    ServicePlace,
    ZooKeeper,
    filled,
)
from streams.playground.services.secured.authority import Authority
from streams.playground.services.secured.users import REDIS_FILE, REGISTRY_FILE


def authority(place: ServicePlace) -> Authority:
    """Return the stack's authority, whose files are beside the services' data."""
    return Authority(place.data.parent / "tls")


class SecuredKafka(Kafka):
    """SASL_SSL with SCRAM-SHA-512 for clients, mTLS for brokers and the admin, and the authorizer on."""

    ports: ClassVar = {**Kafka.ports, "kafka-brokers": 19094}

    def properties(self, place: ServicePlace) -> str:
        files = authority(place).files("broker")
        secured = filled(
            "kafka-secured.properties",
            port=self.port(place),
            brokers=place.ports["kafka-brokers"],
            controller=place.ports["kafka-controller"],
            certificate=files.both,
            authority=files.authority,
        )
        replaced = {line.partition("=")[0] for line in secured.splitlines() if "=" in line}
        plain = [line for line in super().properties(place).splitlines() if line.partition("=")[0] not in replaced]
        return "\n".join(plain) + "\n" + secured

    def why_not(self, place: ServicePlace) -> str | None:
        files = authority(place).files("admin")
        context = ssl.create_default_context(cafile=str(files.authority))
        context.load_cert_chain(files.certificate, files.key)
        return probes.kafka(place.ports["kafka-brokers"], context)


class SecuredRedis(Redis):
    """TLS only, and a user for each stage that has business there."""

    def command(self, place: ServicePlace) -> list[str]:
        files = authority(place).files("redis")
        return [
            *(tools.redis_server(), "--bind", probes.HOST, "--port", "0", "--tls-port", str(self.port(place))),
            *("--tls-cert-file", str(files.certificate), "--tls-key-file", str(files.key)),
            *("--tls-ca-cert-file", str(files.authority), "--tls-auth-clients", "no"),
            *("--aclfile", str(place.data.parent / REDIS_FILE), "--dir", str(place.data)),
            *("--daemonize", "no", "--save", "", "--appendonly", "yes"),
        ]

    def address(self, place: ServicePlace) -> str:
        return f"rediss://{probes.HOST}:{self.port(place)}/0"

    def why_not(self, place: ServicePlace) -> str | None:
        return probes.redis(self.port(place), ssl.create_default_context(cafile=str(authority(place).certificate)))


class SecuredZooKeeper(ZooKeeper):
    """TLS only, and no session without a user."""

    def prepare(self, place: ServicePlace) -> None:
        files = authority(place).files("zookeeper")
        secured = filled(
            "zoo-secured.cfg",
            port=self.port(place),
            data=place.data,
            certificate=files.both,
            authority=files.authority,
        )
        (place.data / "zoo.cfg").write_text(secured)

    def why_not(self, place: ServicePlace) -> str | None:
        return probes.zookeeper(self.port(place), ssl.create_default_context(cafile=str(authority(place).certificate)))


class RegistryFront(Recipe):
    """vmauth in front of the registry: TLS, and a user for each stage."""

    name = "registry-front"
    ports: ClassVar = {"registry-front": 18443}
    variable = "PANOPTES_REGISTRY_URL"
    from_maven = False

    def absent(self) -> str | None:
        try:
            tools.vmauth()
        except StackProblem as problem:
            return str(problem)
        return None

    def command(self, place: ServicePlace) -> list[str]:
        files = authority(place).files("registry")
        return [
            *(tools.vmauth(), f"-auth.config={place.data.parent / REGISTRY_FILE}"),
            *("-tls", f"-tlsCertFile={files.certificate}", f"-tlsKeyFile={files.key}"),
            f"-httpListenAddr={probes.HOST}:{self.port(place)}",
        ]

    def address(self, place: ServicePlace) -> str:
        return f"https://{probes.HOST}:{self.port(place)}{Apicurio.api}"

    def why_not(self, place: ServicePlace) -> str | None:
        return probes.asks_for_a_user(
            self.port(place), ssl.create_default_context(cafile=str(authority(place).certificate))
        )


SECURED: Final[dict[str, Recipe]] = {
    **RECIPES,
    **{each.name: each for each in (SecuredKafka(), SecuredZooKeeper(), SecuredRedis(), RegistryFront())},
}
