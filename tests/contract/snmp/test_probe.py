"""A sweep's first contact with a real agent: by community and as an SNMPv3 user, with its engine id."""

import socket

import pytest

from pollers.snmp.client import ProbePace, Target
from pollers.snmp.credentials import AuthProtocol, Community, PrivProtocol, Secret, UsmUser, Version
from pollers.snmp.limits import Limits
from pollers.snmp.wire.access import open_access
from tests.contract.snmp.agents import PASSPHRASE, PRIV_PASSPHRASE, snmpd, v3_users

PACE = ProbePace(packets_per_s=500, timeout_s=1, rounds=2)
GOOD = UsmUser(
    name="sha256-aes128",
    auth_protocol=AuthProtocol.SHA256,
    auth_key=Secret(PASSPHRASE),
    priv_protocol=PrivProtocol.AES128,
    priv_key=Secret(PRIV_PASSPHRASE),
)
STRANGER = UsmUser(name="stranger", auth_protocol=AuthProtocol.SHA256, auth_key=Secret(PASSPHRASE))
PUBLIC = Community(community=Secret("public"))
WRONG = Community(community=Secret("wrong"))


@pytest.fixture(scope="module")
def agent():
    with snmpd(v3_users(), ipv6=True) as agent:
        yield agent


class Source:
    def __init__(self, *credentials):
        self.credentials = credentials

    async def candidates(self, _site, _device_id):
        return self.credentials


async def probed(targets, *credentials):
    access = open_access(Limits(), Source(*credentials))
    try:
        return [found async for step in access.probe("lab", iter(targets), PACE) for found in step.found]
    finally:
        await access.close()


@pytest.mark.parametrize(
    ("credentials", "version"),
    [
        pytest.param([PUBLIC], "2c", id="v2c"),
        pytest.param([Community(community=Secret("public"), version=Version.V1)], "1", id="v1"),
        pytest.param([WRONG, PUBLIC], "2c", id="the-second-community"),
        pytest.param([GOOD], "3", id="v3"),
        pytest.param([STRANGER, GOOD], "3", id="the-second-user"),
        pytest.param([WRONG, GOOD, PUBLIC], "3", id="v3-before-v2c"),
    ],
)
async def test_an_agent_is_found_with_what_it_says_of_itself(agent, credentials, version):
    [found] = await probed([Target("127.0.0.1", agent.port)], *credentials)
    assert (found.version, found.sys_name) == (version, "snmpd.example.net")
    assert found.sys_object_id.startswith("1.3.6.1.4.1.8072.")
    assert found.engine_id.startswith("80001f88") or version == "1"


@pytest.mark.parametrize("credentials", [[WRONG], [STRANGER]], ids=["community", "user"])
async def test_an_agent_that_refuses_the_credentials_is_not_found(agent, credentials):
    assert await probed([Target("127.0.0.1", agent.port)], *credentials) == []


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
async def test_an_agent_is_found_by_ipv6(agent):
    [found] = await probed([Target("::1", agent.port)], GOOD)
    assert (found.target.host, found.sys_name) == ("::1", "snmpd.example.net")
