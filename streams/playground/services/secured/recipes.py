"""Kafka and Redis with TLS and users; the other services as they are without."""

import ssl
from typing import ClassVar, Final

from streams.playground.services import probes, tools
from streams.playground.services.recipes import RECIPES, Kafka, Recipe, Redis, ServicePlace, filled
from streams.playground.services.secured.authority import Authority
from streams.playground.services.secured.users import REDIS_FILE


def authority(place: ServicePlace) -> Authority:
    """Return the stack's authority, whose files stand beside the services' data."""
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


SECURED: Final[dict[str, Recipe]] = {**RECIPES, "kafka": SecuredKafka(), "redis": SecuredRedis()}
