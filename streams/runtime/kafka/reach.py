"""Whether the brokers take us at all, and which setting is to be looked at where they do not."""

import asyncio
import ssl
from typing import Final

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from schemas.errors import BackendError
from streams.runtime.kafka.client import client_options
from streams.runtime.settings.sections import KafkaSettings

_WRONG_USER: Final = (AuthenticationFailedError, SaslAuthenticationFailed)
_WRONG_MECHANISM: Final = (UnsupportedSaslMechanismError, IllegalSaslStateError)


class KafkaRefusedError(BackendError):
    """A broker is there and does not let us in, or we do not trust it: some setting is wrong, here or there."""


async def refusal(kafka: KafkaSettings, timeout_s: float | None = None) -> KafkaRefusedError | None:
    """Return why the first broker that answers does not take us; None where one does, or none answers."""
    for server in kafka.bootstrap_servers.split(","):
        try:
            await reach(kafka, server.strip(), timeout_s)
        except KafkaRefusedError as problem:
            return problem
        except (KafkaError, OSError, TimeoutError):
            continue
        return None
    return None


async def reach(kafka: KafkaSettings, server: str, timeout_s: float | None = None) -> None:
    """Return once a broker has taken us. Raises KafkaRefusedError, KafkaError, OSError, TimeoutError."""
    host, _, port = server.rpartition(":") if ":" in server.rpartition("]")[2] else (server, "", "9092")
    options = client_options(kafka)
    del options["bootstrap_servers"]
    try:
        async with asyncio.timeout(timeout_s):
            connection = await create_conn(host.strip("[]"), int(port), **options)
    except _WRONG_USER:
        raise KafkaRefusedError(
            f"{server} refuses user {kafka.sasl_username!r} by {kafka.sasl_mechanism}: "
            "check [kafka] sasl_username and sasl_password"
        ) from None
    except _WRONG_MECHANISM as problem:
        raise KafkaRefusedError(f"{server}: {problem}: check [kafka] sasl_mechanism") from None
    except ssl.SSLCertVerificationError as problem:
        raise KafkaRefusedError(f"{server}: {untrusted(problem)}: check [kafka] ssl_ca_file and the names") from None
    except ssl.SSLError as problem:
        said = problem.reason or str(problem)
        raise KafkaRefusedError(
            f"{server} does not speak TLS as we do ({said}): check [kafka] security_protocol, ssl_certificate_file"
        ) from None
    connection.close()


def untrusted(problem: ssl.SSLCertVerificationError) -> str:
    """Return why a certificate is not trusted, for people."""
    return f"its certificate is not trusted: {problem.verify_message}"


async def explained(kafka: KafkaSettings, problem: Exception) -> Exception:
    """Return a clearer error in a failed connection's place, where the broker says why; else the error itself."""
    return (await refusal(kafka) if isinstance(problem, KafkaConnectionError) else None) or problem
