"""Which credential a device takes, and whether it is silent, is never decided by one lost packet or a lack of time."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

import pytest

from pollers.snmp.client import Device
from pollers.snmp.credentials import Community, Credential, CredentialSource, Secret
from pollers.snmp.errors import AuthRefused, NoAnswer, RetriesSpent, Unreachable
from pollers.snmp.limits import Engine, Limits
from pollers.snmp.values import Value
from pollers.snmp.wire.access import SnmpAccess, open_access
from tests.unit.snmp import scripted
from tests.unit.snmp.opening import PUBLIC, FastClock, Source
from tests.unit.snmp.scripted import Asked, Behaviour, Mib, ScriptedAgent, arcs, start, variable

COLUMN = "1.3.6.1.2.1.31.1.1.1.6"
NAME = "1.3.6.1.2.1.1.3.0"
MIB = Mib(scripted.table([arcs(COLUMN)], range(1, 4)))
WIDE, NARROW = (Community(community=Secret(text)) for text in ("wide", "narrow"))
AUTHORIZATION_ERROR = 16


def good(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    yield MIB.answer(asked)


def silent(_: ScriptedAgent, __: Asked) -> Iterable[bytes]:
    return ()


def loses(packets: int, answers: Sequence[bytes] = (b"wide",)) -> Behaviour:
    """Answer these communities, `narrow` with a view of nothing; lose the first packets with `wide`."""
    lost = 0

    def behave(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        nonlocal lost
        if asked.community == b"wide" and lost < packets:
            lost += 1
        elif asked.community in answers:
            yield (
                asked.response([variable(name, (scripted.NO_SUCH_OBJECT, b"")) for name in asked.names])
                if asked.community == b"narrow"
                else MIB.answer(asked)
            )

    return behave


def device(agent: ScriptedAgent) -> Device:
    return Device("lab", "d1", agent.endpoint)


async def ask(access: SnmpAccess, agent: ScriptedAgent, deadline_s: float = 5.0) -> Value:
    async with access.open(device(agent), deadline_s) as session:
        return await session.get(NAME)


async def ask_by(clock: FastClock, access: SnmpAccess, agent: ScriptedAgent, deadline_s: float = 5.0) -> Value:
    """Ask while the clock moves, as fast as the loop gets its work done."""
    task = asyncio.create_task(ask(access, agent, deadline_s))
    while not task.done():
        clock.at_s += 0.01
        await asyncio.sleep(0.01)
    return await task


def timed(clock: FastClock, source: CredentialSource, **settings: float) -> SnmpAccess:
    quick = {"timeout_s": 0.1, "retries": 1, "jitter": 0.0, **settings}
    return open_access(Limits(**quick), source, clock=clock, random=Random(1))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answers", [pytest.param([b"wide"], id="alone"), pytest.param([b"wide", b"narrow"], id="before-a-narrower-one")]
)
async def test_a_lost_packet_does_not_take_the_credential_that_fits_away(answers: Sequence[bytes]) -> None:
    agent = await start(loses(2, answers))
    clock = FastClock()
    access = timed(clock, Source((WIDE, NARROW)), retries=2)
    for _ in range(2):
        assert (await ask_by(clock, access, agent)).exists
    await access.close()
    assert {asked.community for asked in agent.requests} == {b"wide"}


@pytest.mark.parametrize("engine", list(Engine), ids=str)
@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"caf\xe9", id="latin-1"),
        pytest.param("café".encode(), id="utf-8"),
        pytest.param(b"x" * 300, id="long"),
    ],
)
async def test_a_community_goes_out_as_its_very_bytes_and_the_next_one_is_tried(octets: bytes, engine: Engine) -> None:
    first = Community(community=Secret(octets.decode(errors="surrogateescape")))
    agent = await start(good)
    access = open_access(Limits(engine=engine), Source((first,)))
    async with access.open(device(agent), 30.0) as session:
        for _ in range(2):
            assert (await session.get(NAME)).exists
    await access.close()
    assert {asked.community for asked in agent.requests} == {octets}
    agent.behave = loses(0)
    access = open_access(Limits(engine=engine, timeout_s=0.1, retries=0, jitter=0.0), Source((first, WIDE)))
    async with access.open(device(agent), 30.0) as session:
        assert (await session.get(NAME)).exists
    await access.close()


async def test_a_credential_is_not_remembered_where_an_earlier_one_could_not_be_retried() -> None:
    agent = await start(loses(1, [b"wide", b"narrow"]))
    clock = FastClock()
    access = timed(clock, Source((WIDE, NARROW)), retries=2, retry_reserve=0)
    assert not (await ask_by(clock, access, agent)).exists  # what there is to be had in this poll
    assert (await ask_by(clock, access, agent)).exists
    await access.close()


async def test_a_probe_of_a_silent_device_is_retried_like_any_request() -> None:
    agent, clock = await start(silent), FastClock()
    access = timed(clock, Source(), retries=2)
    with pytest.raises(NoAnswer):
        await ask_by(clock, access, agent)
    clock.at_s += 100
    agent.requests.clear()
    agent.behave = lambda agent, asked: good(agent, asked) if len(agent.requests) > 2 else ()
    assert (await ask_by(clock, access, agent)).exists
    await access.close()


async def test_every_credential_has_its_share_of_the_polls_time() -> None:
    credentials = [Community(community=Secret(f"c{number}")) for number in range(3)]
    agent = await start(lambda agent, asked: good(agent, asked) if asked.community == b"c2" else ())
    clock = FastClock()
    access = timed(clock, Source(credentials), retries=100, backoff=1.0, retry_reserve=1000)
    assert (await ask_by(clock, access, agent, 1.0)).exists
    agent.requests.clear()
    assert (await ask_by(clock, access, agent)).exists
    await access.close()
    assert [asked.community for asked in agent.requests] == [b"c2"]


async def test_a_text_counts_the_credentials_for_which_there_was_time() -> None:
    credentials = [Community(community=Secret(f"c{number}")) for number in range(5)]
    agent = await start(silent)
    clock = FastClock()
    access = timed(clock, Source(credentials), timeout_s=0.3, retries=0)
    with pytest.raises(NoAnswer, match=r"with 2 of 5 credentials.* in 2 tries"):
        await ask_by(clock, access, agent, 0.5)
    await access.close()


@pytest.mark.parametrize("credentials", [pytest.param((PUBLIC,), id="one"), pytest.param((PUBLIC, WIDE), id="two")])
async def test_a_device_is_not_taken_for_silent_because_others_have_used_the_retries_up(
    credentials: Sequence[Credential],
) -> None:
    agent = await start(silent)
    clock = FastClock()
    access = timed(clock, Source(credentials), retry_reserve=0)
    with pytest.raises(RetriesSpent, match="retries are used up"):
        await ask_by(clock, access, agent)
    agent.behave = good
    assert (await ask_by(clock, access, agent)).exists
    await access.close()


async def test_a_silent_device_that_is_asked_once_stays_silent_and_its_interval_as_it_is() -> None:
    agent, clock = await start(silent), FastClock()
    access = timed(clock, Source(), retry_reserve=1, retry_share=0.0)
    with pytest.raises(NoAnswer):
        await ask_by(clock, access, agent)
    silence = access.devices.recall(device(agent), clock.at_s).silence
    assert silence is not None
    clock.at_s += 100
    for _ in range(2):  # due again at once
        agent.requests.clear()
        with pytest.raises(Unreachable, match="retries are used up") as raised:
            await ask_by(clock, access, agent)
        assert (raised.value.since_ms, len(agent.requests)) == (silence.since_ms, 1)
    await access.close()


async def test_a_probe_that_finds_no_place_in_time_is_not_made_and_not_counted_as_silence() -> None:
    agent, clock = await start(silent), FastClock()
    access = timed(clock, Source(), retries=0, probes=1)
    with pytest.raises(NoAnswer):
        await ask_by(clock, access, agent)
    clock.at_s += 100
    sent = len(agent.requests)
    await access._worker.probes.acquire()
    with pytest.raises(Unreachable, match="probes"):
        await asyncio.wait_for(ask_by(clock, access, agent, 0.1), 5)
    assert len(agent.requests) == sent
    access._worker.probes.release()
    agent.behave = good
    assert (await ask_by(clock, access, agent)).exists
    await access.close()


async def test_a_probe_leaves_time_for_the_answer() -> None:
    agent, clock = await start(silent), FastClock()
    access = timed(clock, Source(), timeout_s=60.0, probes=1)
    access.devices.recall(device(agent), clock.at_s).silent(clock.at_s - 100, 0, Limits())
    await access._worker.probes.acquire()
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(Unreachable):
        await ask_by(clock, access, agent, 60.1)
    assert loop.time() - began < 30
    await access.close()


@dataclass(slots=True)
class Kept:
    """A source that gives what it has read before, until it is told to read again."""

    stored: Sequence[Credential]
    read: Sequence[Credential]
    reread_of: list[str] = field(default_factory=list)

    async def candidates(self, site: str, device_id: str) -> Sequence[Credential]:
        return self.read

    async def reread(self, site: str) -> None:
        self.reread_of.append(site)
        self.read = self.stored


async def test_a_credential_that_was_replaced_is_read_again_when_the_device_refuses_the_old_one() -> None:
    def knows_wide_only(agent: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        if asked.community == b"wide":
            return good(agent, asked)
        return [asked.response([], status=AUTHORIZATION_ERROR, index=1)]

    agent, source = await start(good), Kept([WIDE], [PUBLIC])
    clock = FastClock()
    access = timed(clock, source)
    await ask_by(clock, access, agent)
    assert source.reread_of == []
    agent.behave = knows_wide_only
    assert (await ask_by(clock, access, agent)).exists
    assert source.reread_of == ["lab"]
    source.stored = source.read = [NARROW]
    access.devices.recall(device(agent), 0.0).credential = None
    with pytest.raises(AuthRefused):
        await ask_by(clock, access, agent)
    await access.close()
