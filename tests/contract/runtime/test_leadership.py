"""One worker of a stage leads, and ZooKeeper's own troubles cost no more than they must."""

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from kazoo.client import KazooClient

from streams.playground.services import Stack
from streams.runtime.schedule.leadership import Leadership, Term
from streams.runtime.settings.sections import ZookeeperSettings

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]
#: long, so that whatever waits for its end is seen
SESSION_S = 60.0
WITHIN_S = 30.0


class Candidate:
    def __init__(self, hosts: str, path: str, name: str) -> None:
        self.term: Term | None = None
        self.terms = 0
        self.path = path
        zookeeper = ZookeeperSettings(hosts=hosts, session_timeout_s=SESSION_S)
        self.leadership = Leadership(zookeeper, path, name, on_elected=self._elected, on_deposed=self._deposed)

    def _elected(self, term: Term) -> None:
        self.term = term
        self.terms += 1

    def _deposed(self, _term: Term) -> None:
        self.term = None


@pytest.fixture
async def candidates(stack: Stack) -> AsyncIterator[list[Candidate]]:
    path = f"/test-{uuid.uuid4().hex[:8]}/leader"
    made = [Candidate(stack.service("zookeeper").address, path, name) for name in ("first", "second")]
    for candidate in made:
        candidate.leadership.start()
    yield made
    await asyncio.gather(*(candidate.leadership.stop() for candidate in made))


@pytest.fixture
def kazoo(stack: Stack) -> Iterator[KazooClient]:
    client = KazooClient(hosts=stack.service("zookeeper").address)
    client.start()
    yield client
    client.stop()
    client.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not holds():
            await asyncio.sleep(0.05)


def leaders(candidates: list[Candidate]) -> int:
    return sum(candidate.term is not None for candidate in candidates)


async def test_one_leads_and_the_other_follows_it_when_it_leaves(candidates: list[Candidate]) -> None:
    await until(lambda: leaders(candidates) == 1)
    first = next(candidate for candidate in candidates if candidate.term is not None)
    sequence = first.term.sequence if first.term else -1
    await first.leadership.stop()
    other = next(candidate for candidate in candidates if candidate is not first)
    await until(lambda: other.term is not None)
    assert other.term is not None
    assert other.term.sequence > sequence


@pytest.mark.parametrize("loses_its_data", [False, True], ids=["with-its-data", "empty"])
async def test_when_zookeeper_is_back_nobody_waits_for_the_end_of_a_session(
    candidates: list[Candidate], stack: Stack, loses_its_data: bool
) -> None:
    await until(lambda: leaders(candidates) == 1)
    zookeeper = stack.service("zookeeper")
    await asyncio.to_thread(zookeeper.kill)
    await until(lambda: leaders(candidates) == 0)
    if loses_its_data:
        await asyncio.to_thread(shutil.rmtree, zookeeper.place.data)
    await asyncio.to_thread(zookeeper.start)
    await until(lambda: leaders(candidates) == 1)
    assert sum(candidate.terms for candidate in candidates) == 2


async def test_a_leader_whose_node_somebody_removes_steps_down(candidates: list[Candidate], kazoo: KazooClient) -> None:
    await until(lambda: leaders(candidates) == 1)
    first = next(candidate for candidate in candidates if candidate.term is not None)
    term = first.term
    await asyncio.to_thread(kazoo.delete, first.path, recursive=True)
    await until(lambda: term is not None and term.over.is_set())
    await until(lambda: leaders(candidates) == 1)
