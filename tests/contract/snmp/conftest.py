"""The agents, started once for the session, and an Access over each engine."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from pollers.snmp.client import Device, Session
from pollers.snmp.credentials import Credential
from pollers.snmp.limits import Engine, Limits
from pollers.snmp.wire.access import open_access
from tests.contract.snmp import agents
from tests.contract.snmp.agents import V2C, Agent, Fixed

Opening: TypeAlias = Callable[..., AbstractAsyncContextManager[Session]]


@pytest.fixture(scope="session")
def snmpd() -> Iterator[Agent]:
    """net-snmp's agent, on IPv4 and IPv6, with a v3 user for each pair of protocols that it supports."""
    with agents.snmpd(agents.v3_users(), ipv6=True) as agent:
        yield agent


@pytest.fixture(scope="session")
def simagent_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return agents.build_simagent(tmp_path_factory.mktemp("simagent"))


@pytest.fixture(scope="session")
def simagent(simagent_binary: Path) -> Iterator[Agent]:
    """Ten devices whose values stand still, with responses cut to what fits an Ethernet frame."""
    with agents.simagent(simagent_binary, "-devices", "10", "-max-msg", "1472", "-frozen", "100h") as agent:
        yield agent


@pytest.fixture(params=[Engine.NATIVE, Engine.PYSNMP], ids=str)
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.param
    return found


@pytest.fixture
def opening() -> Opening:
    """Return a context: a session with an endpoint, over an engine, with credentials."""

    @asynccontextmanager
    async def session(
        endpoint: str,
        engine: Engine = Engine.AUTO,
        credentials: Sequence[Credential] = (V2C,),
        deadline_s: float = 20.0,
        **settings: float,
    ) -> AsyncIterator[Session]:
        limits = Limits(engine=engine, **settings)  # type: ignore[arg-type]
        access = open_access(limits, Fixed(credentials))
        try:
            async with access.open(Device("lab", "device-1", endpoint), deadline_s) as opened:
                yield opened
        finally:
            await access.close()

    return session
