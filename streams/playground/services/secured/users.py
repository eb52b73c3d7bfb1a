"""The users of a secured stack: one for each stage and an operator, with passwords and rights."""

import importlib
import json
import secrets
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

from streams.pipeline import STAGES
from streams.playground.services import probes
from streams.playground.services.problems import StackProblem
from streams.playground.services.secured.authority import Authority, write_private
from streams.playground.services.secured.tokens import key_set
from streams.playground.services.service import Service
from streams.runtime.rights.kafka import ResourceKind, rights, user_name
from streams.runtime.rights.redis import acl_lines
from streams.runtime.settings.loading import Settings

_ANSWER_S: Final = 30.0
_ITERATIONS: Final = 4096
OPERATOR: Final = "operator"
REDIS_FILE: Final = "redis.acl"
REGISTRY_FILE: Final = "registry-users.json"
CERTIFICATES: Final = ("broker", "admin", "redis", "zookeeper", "registry")
#: all workers are one user in ZooKeeper: each may have to make the nodes above its own
ELECTOR: Final = "elector"


def passwords(data: Path) -> dict[str, str]:
    """Return the password of each user from the folder of the services' data; created at the first call."""
    path = data / "users.json"
    if not path.exists():
        data.mkdir(parents=True, exist_ok=True)
        names = [user_name(Settings(), name) for name in (*(stage.name for stage in STAGES), OPERATOR, ELECTOR)]
        write_private(path, json.dumps({name: secrets.token_urlsafe(24) for name in names}).encode())
    found: dict[str, str] = json.loads(path.read_text())
    return found


def secure(data: Path, registry_port: int) -> None:
    """Write the certificates, passwords and users' files that the services need before they start."""
    authority = Authority(data / "tls")
    for name in CERTIFICATES:
        authority.files(name)
    key_set(data / "tls")
    known = passwords(data)
    lines = ["user default off resetkeys resetchannels -@all"]
    for line in acl_lines(Settings()):
        name = line.split(" ", 2)[1]
        lines.append(line.replace("<password>", known[name]))
    write_private(data / REDIS_FILE, "".join(f"{line}\n" for line in lines).encode())
    registry = f"http://{probes.HOST}:{registry_port}"
    users = [{"username": name, "password": word, "url_prefix": registry} for name, word in known.items()]
    write_private(data / REGISTRY_FILE, json.dumps({"users": users}).encode())


def logins(found: Mapping[str, str], data: Path, stage: str) -> dict[str, str]:
    """Return the log-in variables for the workers of a stage, or the operator's commands."""
    name = user_name(Settings(), stage)
    word, ca = passwords(data)[name], str(Authority(data / "tls").certificate)
    redis = urlsplit(found["PANOPTES_REDIS_URL"])
    login = redis._replace(netloc=f"{name}:{word}@{redis.netloc}", query=urlencode({"ssl_ca_certs": ca}))
    elector = user_name(Settings(), ELECTOR)
    by_tls = found["PANOPTES_REGISTRY_URL"].startswith("https:")
    registry = {"USERNAME": name, "PASSWORD": word, "SSL_CA_FILE": ca} if by_tls else {}
    return {
        **{f"PANOPTES_REGISTRY_{key}": value for key, value in registry.items()},
        "PANOPTES_ZOOKEEPER_TLS": "true",
        "PANOPTES_ZOOKEEPER_SSL_CA_FILE": ca,
        "PANOPTES_ZOOKEEPER_USERNAME": elector,
        "PANOPTES_ZOOKEEPER_PASSWORD": passwords(data)[elector],
        "PANOPTES_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "PANOPTES_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "PANOPTES_KAFKA_SASL_USERNAME": name,
        "PANOPTES_KAFKA_SASL_PASSWORD": word,
        "PANOPTES_KAFKA_SSL_CA_FILE": ca,
        "PANOPTES_REDIS_URL": login.geturl(),
    }


def by_certificate(data: Path, brokers_port: int, stage: str) -> dict[str, str]:
    """Return the variables with which the workers of a stage show Kafka a certificate, in the place of a password."""
    files = Authority(data / "tls").files(user_name(Settings(), stage))
    return {
        "PANOPTES_KAFKA_BOOTSTRAP_SERVERS": f"{probes.HOST}:{brokers_port}",
        "PANOPTES_KAFKA_SECURITY_PROTOCOL": "SSL",
        "PANOPTES_KAFKA_SSL_CA_FILE": str(files.authority),
        "PANOPTES_KAFKA_SSL_CERTIFICATE_FILE": str(files.certificate),
        "PANOPTES_KAFKA_SSL_KEY_FILE": str(files.key),
    }


def give_rights(service: Service, data: Path) -> None:
    """Create the users in Kafka, and grant their rights. Raises StackProblem."""
    admin = Authority(data / "tls").files("admin")
    settings = Settings()
    try:
        kafka = importlib.import_module("confluent_kafka.admin")
    except ImportError:
        raise StackProblem("a secured stack needs confluent-kafka: pip install panoptes-streams[demo]") from None
    client = kafka.AdminClient(
        {
            "bootstrap.servers": f"{probes.HOST}:{service.place.ports['kafka-brokers']}",
            "security.protocol": "SSL",
            "ssl.ca.location": str(admin.authority),
            "ssl.certificate.location": str(admin.certificate),
            "ssl.key.location": str(admin.key),
        }
    )
    kinds = {
        ResourceKind.TOPIC: kafka.ResourceType.TOPIC,
        ResourceKind.GROUP: kafka.ResourceType.GROUP,
        ResourceKind.CLUSTER: kafka.ResourceType.BROKER,
    }
    form = kafka.ScramCredentialInfo(kafka.ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
    users = [kafka.UserScramCredentialUpsertion(name, form, word.encode()) for name, word in passwords(data).items()]
    bindings = [
        kafka.AclBinding(
            kinds[right.resource],
            right.name,
            kafka.ResourcePatternType.PREFIXED if right.prefixed else kafka.ResourcePatternType.LITERAL,
            f"User:{right.user}",
            "*",
            kafka.AclOperation[_snake(right.operation)],
            kafka.AclPermissionType.ALLOW,
        )
        for right in rights(settings)
    ]
    asked: list[Future[object]] = [
        *client.alter_user_scram_credentials(users).values(),
        *client.create_acls(bindings).values(),
    ]
    for one in asked:
        try:
            one.result(_ANSWER_S)
        except Exception as problem:  # noqa: BLE001 - KafkaException, of a module that may not be there
            raise StackProblem(f"kafka: users and rights could not be made: {problem}") from None


def _snake(operation: str) -> str:
    """Return `DescribeConfigs` as DESCRIBE_CONFIGS."""
    return "".join(f"_{letter}" if letter.isupper() and i else letter for i, letter in enumerate(operation)).upper()
