"""What every engine promises, held against real agents: net-snmp's snmpd in every version, and simagent."""

import dataclasses
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pollers.snmp.credentials import AuthProtocol, Community, PrivProtocol, Secret, UsmUser
from pollers.snmp.errors import AuthRefused, NoAnswer, NoCredentials
from pollers.snmp.limits import Engine
from pollers.snmp.trace import Exchanged
from pollers.snmp.values import Type
from tests.contract.snmp import agents
from tests.contract.snmp.agents import V1, V2C, Agent, Fixed
from tests.contract.snmp.conftest import Opening

SYS_OBJECT_ID, SYS_UPTIME, SYS_NAME = "1.3.6.1.2.1.1.2.0", "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.1.5.0"
LOAD_FLOAT, ADDRESS = "1.3.6.1.4.1.2021.10.1.6.1", "1.3.6.1.2.1.4.20.1.1.127.0.0.1"
IF_DESCR, IF_HC_IN, IF_IN, IF_SPEED = (
    "1.3.6.1.2.1.2.2.1.2",
    "1.3.6.1.2.1.31.1.1.1.6",
    "1.3.6.1.2.1.2.2.1.10",
    "1.3.6.1.2.1.2.2.1.5",
)
USERS = agents.v3_users()
SHA_AES = next(user for user in USERS if user.name == "sha1-aes128")
CREDENTIALS = {"v1": V1, "v2c": V2C, **{f"v3-{user.name}": user for user in USERS}}


@pytest.mark.parametrize("credential", CREDENTIALS.values(), ids=CREDENTIALS.keys())
async def test_scalars_keep_their_wire_type(
    snmpd: Agent, engine: Engine, credential: Community | UsmUser, opening: Opening
) -> None:
    async with opening(snmpd.endpoint, engine, [credential]) as session:
        for _ in range(2):
            asked = [SYS_OBJECT_ID, SYS_UPTIME, SYS_NAME, LOAD_FLOAT, ADDRESS]
            object_id, uptime, name, load, address = await session.get_many(asked)
            assert object_id == (Type.OBJECT_IDENTIFIER, "1.3.6.1.4.1.8072.3.2.10")
            assert uptime.type is Type.TIME_TICKS
            assert name == (Type.OCTET_STRING, b"snmpd.example.net")
            assert (load.type, type(load.data)) == (Type.OPAQUE_FLOAT, float)
            assert address == (Type.IP_ADDRESS, bytes((127, 0, 0, 1)))


@pytest.mark.parametrize("credential", [V2C, SHA_AES], ids=["v2c", "v3"])
async def test_a_table_keeps_counter32_counter64_and_gauge32_apart(
    snmpd: Agent, engine: Engine, credential: Community | UsmUser, opening: Opening
) -> None:
    async with opening(snmpd.endpoint, engine, [credential]) as session:
        for _ in range(2):
            table = await session.table([IF_DESCR, IF_IN, IF_HC_IN, IF_SPEED])
            assert [set(c.types) for c in table.columns] == [
                {Type.OCTET_STRING}, {Type.COUNTER32}, {Type.COUNTER64}, {Type.GAUGE32},
            ]  # fmt: skip
            assert b"lo" in table.columns[0].data


async def test_v1_walks_a_table_although_it_has_no_counter64(snmpd: Agent, engine: Engine, opening: Opening) -> None:
    async with opening(snmpd.endpoint, engine, [V1]) as session:
        table = await session.table([IF_DESCR, IF_IN])
        assert set(table.columns[1].types) == {Type.COUNTER32}
        assert not table.problems


@pytest.mark.parametrize("credential", [V1, V2C, SHA_AES], ids=["v1", "v2c", "v3"])
async def test_what_is_missing_is_a_value(
    snmpd: Agent, engine: Engine, credential: Community | UsmUser, opening: Opening
) -> None:
    async with opening(snmpd.endpoint, engine, [credential]) as session:
        nothing, no_row, name = await session.get_many(["1.3.6.1.2.1.1.99.0", "1.3.6.1.2.1.1.5.7", SYS_NAME])
        assert not nothing.exists
        assert not no_row.exists
        assert name.data == b"snmpd.example.net"
        if credential is not V1:
            assert (nothing.type, no_row.type) == (Type.NO_SUCH_OBJECT, Type.NO_SUCH_INSTANCE)


async def test_ipv6(snmpd: Agent, engine: Engine, opening: Opening) -> None:
    for credential in (V2C, SHA_AES):
        async with opening(f"[::1]:{snmpd.port}", engine, [credential]) as session:
            for _ in range(2):
                assert (await session.get(SYS_NAME)).data == b"snmpd.example.net"


WRONG = {
    "user": dataclasses.replace(SHA_AES, name="nobody"),
    "auth-key": dataclasses.replace(SHA_AES, auth_key=Secret("wrong horse")),
    "auth-protocol": dataclasses.replace(SHA_AES, auth_protocol=AuthProtocol.MD5),
    "priv-key": dataclasses.replace(SHA_AES, priv_key=Secret("wrong staple")),
    "priv-protocol": dataclasses.replace(SHA_AES, priv_protocol=PrivProtocol.DES),
    "level": dataclasses.replace(SHA_AES, priv_protocol=PrivProtocol.NONE),
}


@pytest.mark.parametrize("user", WRONG.values(), ids=WRONG.keys())
async def test_a_wrong_v3_user_or_key_is_refused_and_the_text_says_what_to_check(
    snmpd: Agent, engine: Engine, user: UsmUser, opening: Opening
) -> None:
    async with opening(snmpd.endpoint, engine, [user], timeout_s=0.5, retries=1) as session:
        with pytest.raises(AuthRefused) as refused:
            await session.get(SYS_NAME)
    assert re.search(r"check .*(user|key|view)", str(refused.value))
    assert "horse" not in str(refused.value)
    assert "staple" not in str(refused.value)


async def test_a_wrong_community_reads_as_silence_with_all_that_it_may_be(snmpd: Agent, opening: Opening) -> None:
    async with opening(
        snmpd.endpoint, Engine.AUTO, [Community(community=Secret("hush"))], timeout_s=0.2, retries=1
    ) as session:
        with pytest.raises(NoAnswer, match=r"device down, filtered .* or community refused") as silence:
            await session.get(SYS_NAME)
        assert "hush" not in str(silence.value)
        assert session.unreachable_since_ms is not None


async def test_no_credentials_at_all_is_said_plainly(snmpd: Agent, opening: Opening) -> None:
    async with opening(snmpd.endpoint, Engine.AUTO, []) as session:
        with pytest.raises(NoCredentials, match=r"device-1.*site lab"):
            await session.get(SYS_NAME)


async def test_the_first_credential_that_fits_is_found_and_used(snmpd: Agent, engine: Engine, opening: Opening) -> None:
    candidates = [Community(community=Secret("hush")), WRONG["user"], SHA_AES]
    async with opening(snmpd.endpoint, engine, candidates, timeout_s=0.3, retries=0) as session:
        assert (await session.get(SYS_NAME)).data == b"snmpd.example.net"
        assert (await session.get(SYS_UPTIME)).exists


async def test_a_narrow_view_is_a_missing_value_not_an_error(snmpd: Agent, engine: Engine, opening: Opening) -> None:
    async with opening(snmpd.endpoint, engine, [Community(community=Secret("narrow"))]) as session:
        name, uptime = await session.get_many([SYS_NAME, SYS_UPTIME])
        assert (name.exists, uptime.exists) == (True, False)


async def test_engines_and_snmpbulkwalk_agree_on_a_simulated_device(
    simagent: Agent, engine: Engine, opening: Opening
) -> None:
    program = agents.require("snmpbulkwalk", "snmp")
    columns = [IF_DESCR, IF_HC_IN, IF_SPEED, IF_IN]
    async with opening(simagent.endpoint, engine) as session:
        for _ in range(2):
            table = await session.table(columns)
            assert len(table.rows) == 48
            for column in table.columns:
                command = [program, "-v2c", "-c", "public", "-Onqe", "-m", "", "-Cr40", simagent.endpoint, column.oid]
                out = subprocess.run(command, capture_output=True, check=True, timeout=30, text=True).stdout  # noqa: S603, ASYNC221
                theirs = [line.split(" ", 1)[1].strip().strip('"') for line in out.splitlines()]
                ours = [d.decode() if isinstance(d, bytes) else str(d) for d in column.data]
                assert ours == theirs


async def test_a_recording_under_a_v3_context_is_what_is_read(tmp_path: Path, opening: Opening) -> None:
    (tmp_path / "public.snmprec").write_text("1.3.6.1.2.1.1.3.0|67|1\n1.3.6.1.2.1.1.5.0|4|the default\n")
    (tmp_path / "vlan-10.snmprec").write_text("1.3.6.1.2.1.1.3.0|67|1\n1.3.6.1.2.1.1.5.0|4|the tenth\n")
    user = UsmUser(name="reader", auth_protocol=AuthProtocol.SHA1, auth_key=Secret(agents.PASSPHRASE))
    tenth = dataclasses.replace(user, context="vlan-10")
    with agents.snmpsim(tmp_path, [user]) as agent:
        for chosen in (Engine.NATIVE, Engine.PYSNMP):
            async with opening(agent.endpoint, chosen, [tenth]) as session:
                assert (await session.get(SYS_NAME)).data == b"the tenth"


LONG_KEYS = [
    UsmUser(
        name=f"{auth}-{priv}",
        auth_protocol=auth,
        auth_key=Secret(agents.PASSPHRASE),
        priv_protocol=priv,
        priv_key=Secret(agents.PRIV_PASSPHRASE),
    )
    for auth in (AuthProtocol.MD5, AuthProtocol.SHA1, AuthProtocol.SHA256, AuthProtocol.SHA512)
    for priv in (
        PrivProtocol.TRIPLE_DES,
        PrivProtocol.AES192,
        PrivProtocol.AES256,
        PrivProtocol.AES192_REEDER,
        PrivProtocol.AES256_REEDER,
    )
]


@pytest.mark.parametrize("user", LONG_KEYS, ids=lambda user: user.name)
async def test_the_ciphers_that_snmpd_lacks_work_with_an_agent_that_has_them(
    user: UsmUser, long_key_agent: Agent, engine: Engine, opening: Opening
) -> None:
    async with opening(long_key_agent.endpoint, engine, [user]) as session:
        for _ in range(2):
            assert (await session.get(SYS_NAME)).data == b"a recording"


@pytest.fixture(scope="module")
def long_key_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    folder = tmp_path_factory.mktemp("long-keys")
    (folder / "public.snmprec").write_text("1.3.6.1.2.1.1.3.0|67|1\n1.3.6.1.2.1.1.5.0|4|a recording\n")
    (folder / "self.snmprec").write_text("1.3.6.1.2.1.1.3.0|67|1\n1.3.6.1.2.1.1.5.0|4|a recording\n")
    with agents.snmpsim(folder, LONG_KEYS) as agent:
        yield agent


async def test_a_trace_has_a_record_for_each_request(snmpd: Agent, engine: Engine) -> None:
    from pollers.snmp.client import Device
    from pollers.snmp.limits import Limits
    from pollers.snmp.wire.access import open_access

    seen: list[Exchanged] = []
    access = open_access(Limits(engine=engine), Fixed(), trace=seen.append)
    async with access.open(Device("lab", "device-1", snmpd.endpoint), 10.0) as session:
        await session.get(SYS_NAME)
        await session.get(SYS_NAME)
    await access.close()
    assert [record.outcome for record in seen] == ["ok", "ok"]
    assert seen[-1].engine == engine
    assert (seen[-1].pdu, seen[-1].names, seen[-1].values) == ("get", 1, 1)
