"""The recipes of the services with TLS and users; the store is as without."""

import ssl
from types import MappingProxyType
from typing import Final

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
    replaced,
)
from streams.playground.services.secured.authority import Authority
from streams.playground.services.secured.tokens import key_set
from streams.playground.services.secured.users import REDIS_FILE, REGISTRY_FILE


def authority(place: ServicePlace) -> Authority:
    """Return the stack's authority, whose files are beside the services' data."""
    return Authority(place.data.parent / "tls")


class SecuredKafka(Kafka):
    """SASL_SSL with SCRAM-SHA-512 or tokens, mTLS for brokers and who else has a certificate, and the authorizer on."""

    ports = MappingProxyType({**Kafka.ports, "kafka-brokers": 19094})

    def options(self, place: ServicePlace) -> list[str]:
        keys = key_set(authority(place).certificate.parent).as_uri()
        return [*super().options(place), f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={keys}"]

    def properties(self, place: ServicePlace) -> str:
        files = authority(place).files("broker")
        secured = filled(
            "kafka-secured.properties",
            port=self.port(place),
            brokers=place.ports["kafka-brokers"],
            controller=place.ports["kafka-controller"],
            certificate=files.both,
            authority=files.authority,
            keys=key_set(files.authority.parent).as_uri(),
        )
        return replaced(super().properties(place), secured)

    def why_not(self, place: ServicePlace) -> str | None:
        files = authority(place).files("admin")
        context = ssl.create_default_context(cafile=str(files.authority))
        context.load_cert_chain(files.certificate, files.key)
        port = place.ports["kafka-brokers"]
        return probes.kafka(port, context, serves=port)


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
    ports = MappingProxyType({"registry-front": 18443})
    variable = "PANOPTES_REGISTRY_URL"

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
