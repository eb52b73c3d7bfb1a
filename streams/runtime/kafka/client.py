"""The Kafka settings, in the form that each client wants them, and how often clients may say the same."""

import logging
import ssl
from typing import Final

from streams.runtime.settings.loading import KafkaSettings

#: what says of an absent broker, every second, that it is away; the client itself logs as `aiokafka`
REPETITIVE: Final = (
    "aiokafka",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.sender",
)
SAME_EVERY_S: Final = 30.0


class Sampled(logging.Filter):
    """Lets each warning through once in a while, whatever its arguments; what is no warning, always."""

    def __init__(self, every_s: float) -> None:
        super().__init__()
        self._every_s = every_s
        self._next_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged."""
        if record.levelno < logging.WARNING:
            return True
        text = str(record.msg)
        if record.created < self._next_s.get(text, 0.0):
            return False
        self._next_s[text] = record.created + self._every_s
        return True


def sample_client_logs() -> None:
    """Let the clients' warnings through now and then: they say why, and what waits for the broker says so by itself."""
    for name in REPETITIVE:
        logger = logging.getLogger(name)
        if not any(isinstance(one, Sampled) for one in logger.filters):
            logger.addFilter(Sampled(SAME_EVERY_S))


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
        options["sasl_plain_username"] = kafka.sasl_username
        options["sasl_plain_password"] = kafka.sasl_password.reveal()
    return options


def ssl_context(kafka: KafkaSettings) -> ssl.SSLContext:
    """Return a context that checks the brokers' certificates. Raises OSError for files that cannot be read."""
    context = ssl.create_default_context(cafile=kafka.ssl_ca_file or None)
    if kafka.ssl_certificate_file:
        context.load_cert_chain(kafka.ssl_certificate_file, kafka.ssl_key_file or None)
    return context
