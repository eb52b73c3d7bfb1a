"""Converts the Kafka settings to each client's options, and limits repeated client log lines."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from streams.runtime.kafka.refusals import why_refused
from streams.runtime.kafka.tokens import ClientCredentials
from streams.runtime.settings.loading import KafkaSettings
from streams.runtime.settings.tls import TlsFiles, client_context

#: what says of an absent service, every second, that it is away; aiokafka's client itself logs as `aiokafka`
REPETITIVE: Final = (
    "aiokafka",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.sender",
    "kazoo.client",
)
SAME_EVERY_S: Final = 30.0
#: after no broker has answered
UNANSWERED_S: Final = 0.5
#: a wrong setting stays wrong until somebody has read of it
REFUSED_EVERY_S: Final = 300.0


class Sampled(logging.Filter):
    """A log filter that passes each repeated warning once in a while, whatever its arguments.

    That a broker does not let us in is said more seldom, in our settings' words; or not, where a command ends with it.
    """

    def __init__(self, every_s: float, *, says_refusals: bool = True) -> None:
        super().__init__()
        self._every_s = every_s
        self.says_refusals = says_refusals
        self._next_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged."""
        if record.levelno < logging.WARNING:
            return True
        args = record.args if isinstance(record.args, tuple) else ()
        refused = next(filter(None, map(why_refused, args)), None)
        if refused is not None:
            if not self.says_refusals:
                return False
            record.msg, record.args = refused, ()
        text = str(record.msg)
        if record.created < self._next_s.get(text, 0.0):
            return False
        self._next_s[text] = record.created + (self._every_s if refused is None else REFUSED_EVERY_S)
        return True


def sample_client_logs(*, says_refusals: bool = False) -> None:
    """Log each of the clients' warnings only once in a while; waiting for the broker is logged elsewhere."""
    for name in REPETITIVE:
        logger = logging.getLogger(name)
        if not any(isinstance(one, Sampled) for one in logger.filters):
            logger.addFilter(Sampled(SAME_EVERY_S, says_refusals=says_refusals))


class MetadataPause:
    """Replaces an aiokafka client's `_metadata_update`: waits before it returns that no broker answered.

    Aiokafka's fetcher asks again at once: while Kafka is away, each worker took all that it could get of a core.
    """

    def __init__(self, update: Callable[..., Awaitable[bool]]) -> None:
        self._update = update

    async def __call__(self, *args: object) -> bool:
        if await self._update(*args):
            return True
        await asyncio.sleep(UNANSWERED_S)
        return False


class _Client(Protocol):
    _metadata_update: Callable[..., Awaitable[bool]]


def pause_unanswered(client: _Client) -> None:
    """Have an aiokafka client wait before it asks for metadata again that no broker gave."""
    client._metadata_update = MetadataPause(client._metadata_update)  # noqa: SLF001 - there is no setting for it


def client_options(kafka: KafkaSettings) -> dict[str, object]:
    """Return keyword arguments for any aiokafka client."""
    options: dict[str, object] = {
        "bootstrap_servers": kafka.bootstrap_servers,
        "request_timeout_ms": int(kafka.request_timeout_s * 1000),
        "security_protocol": kafka.security_protocol,
    }
    if kafka.security_protocol.endswith("SSL"):
        options["ssl_context"] = ssl_context(kafka)
    if kafka.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = kafka.sasl_mechanism
        if kafka.sasl_mechanism == "OAUTHBEARER":
            return {**options, "sasl_oauth_token_provider": ClientCredentials(kafka)}
        options["sasl_plain_username"] = kafka.sasl_username
        options["sasl_plain_password"] = kafka.sasl_password.reveal()
    return options


def ssl_context(kafka: KafkaSettings) -> ssl.SSLContext:
    """Return a context that checks the brokers' certificates. Raises OSError for files that cannot be read."""
    password = kafka.ssl_key_password.reveal()
    return client_context(TlsFiles(kafka.ssl_ca_file, kafka.ssl_certificate_file, kafka.ssl_key_file, password))
