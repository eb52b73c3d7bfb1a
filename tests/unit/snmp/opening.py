"""A session with a scripted agent."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from pollers.snmp.client import Device, Session
from pollers.snmp.credentials import Community, Credential, Secret
from pollers.snmp.limits import Limits
from pollers.snmp.trace import Exchanged, Trace
from pollers.snmp.wire.access import SnmpAccess, open_access
from pollers.snmp.wire.session import DeviceSession
from tests.unit.snmp.scripted import Behaviour, ScriptedAgent, start

PUBLIC = Community(community=Secret("public"))


@dataclass(slots=True)
class Source:
    """Counts how often it is asked."""

    credentials: Sequence[Credential] = (PUBLIC,)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def candidates(self, site: str, device_id: str) -> Sequence[Credential]:
        self.asked.append((site, device_id))
        return self.credentials


@dataclass(slots=True)
class FastClock:
    """Time that tests move on; what waits for the loop's own timers still takes real time."""

    at_s: float = 1000.0

    def now_s(self) -> float:
        return self.at_s

    def now_ms(self) -> int:
        return int(self.at_s * 1000)


class Opened(NamedTuple):
    session: Session
    agent: ScriptedAgent
    access: SnmpAccess


def access_for(source: Source | None = None, trace: Trace | None = None, **settings: float | bool) -> SnmpAccess:
    quick = {"timeout_s": 0.12, "retries": 1, "jitter": 0.0, **settings}
    limits = Limits(**quick)  # type: ignore[arg-type]
    return open_access(limits, source or Source(), random=Random(1), trace=trace)


@asynccontextmanager
async def opened(
    behave: Behaviour, deadline_s: float = 10.0, source: Source | None = None, **settings: float | bool
) -> AsyncIterator[Opened]:
    agent = await start(behave)
    access = access_for(source, None, **settings)
    try:
        async with access.open(Device("lab", "d1", agent.endpoint), deadline_s) as session:
            yield Opened(session, agent, access)
    finally:
        await access.close()


def sent_s(session: Session) -> float:
    """Return when the session's latest request left, by the transport's own clock: a busy test reads it later."""
    assert isinstance(session, DeviceSession)
    return session._link.last_sent_s


class Traced(list[Exchanged]):
    """A trace that remembers."""

    def __call__(self, record: Exchanged) -> None:
        self.append(record)
