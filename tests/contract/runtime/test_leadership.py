"""One worker of a stage leads, and ZooKeeper's own troubles cost no more than they must."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable

import pytest

from streams.cli.services import Stack
from streams.runtime.leadership import Leadership, Term

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]
SESSION_S = 6.0
#: a session's end, and ZooKeeper's start on a busy machine
WITHIN_S = 45.0


class Candidate:
    def __init__(self, hosts: str, path: str, name: str) -> None:
        self.term: Term | None = None
        self.terms = 0
        self.leadership = Leadership(
            hosts, path, name, session_timeout_s=SESSION_S, on_elected=self._elected, on_deposed=self._deposed
        )

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
