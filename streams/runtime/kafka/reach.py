"""Connects to the brokers, and names the setting to check when they refuse."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError

from streams.runtime.kafka.refusals import why_refused
from streams.runtime.ops.waiting import ToldError


class KafkaRefusedError(ToldError):
    """A broker refuses us, or we do not trust it: some setting is wrong, here or there.

    Workers wait, and the filter of the client's log says it (`client.py`); commands end with it.
    """


#: what the names of a connection's options begin with
_OF_CONNECTIONS: Final = ("request_timeout_ms", "security_protocol", "ssl_context", "sasl_")
#: what a worker waits through
AWAY: Final = (KafkaError, OSError, KafkaRefusedError)


@asynccontextmanager
async def asking(client_options: Mapping[str, object]) -> AsyncIterator[AIOKafkaAdminClient]:
    """Give an admin client. Raises KafkaError, KafkaRefusedError where it is not let in."""
    admin = AIOKafkaAdminClient(**client_options)
    try:
        try:
            await admin.start()
        except KafkaConnectionError as problem:
            raise await explained(client_options, problem) from None
        yield admin
    finally:
        await admin.close()


async def reach(client_options: Mapping[str, object], server: str, timeout_s: float | None = None) -> None:
    """Return once a broker has accepted us. Raises KafkaRefusedError, KafkaError, OSError (TimeoutError is one)."""
    host, _, port = server.rpartition(":") if ":" in server.rpartition("]")[2] else (server, "", "9092")
    options = {key: value for key, value in client_options.items() if key.startswith(_OF_CONNECTIONS)}
    try:
        async with asyncio.timeout(timeout_s):
            connection = await create_conn(host.strip("[]"), int(port), **options)
    except (KafkaError, OSError) as problem:
        if why := why_refused(problem):
            raise KafkaRefusedError(f"{server}: {why}") from None
        raise
    connection.close()


async def explained(client_options: Mapping[str, object], problem: Exception) -> Exception:
    """Return the reason of the first broker that refuses us, if one gives any; else the problem itself.

    Kafka's client says of each of these that it could not connect, and why only in its log.
    """
    for server in str(client_options["bootstrap_servers"]).split(","):
        try:
            await reach(client_options, server.strip())
        except KafkaRefusedError as refused:
            return refused
        except (KafkaError, OSError):
            continue
        break
    return problem
