"""Closes the scripted agents that a test has started."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.snmp import scripted


@pytest.fixture(autouse=True)
async def no_agent_outlives_its_test() -> AsyncIterator[None]:
    yield
    while scripted.STARTED:
        transport = scripted.STARTED.pop().transport
        assert transport is not None
        transport.close()
