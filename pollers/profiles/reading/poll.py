"""Polls one device by a plan: sends the requests in order, and returns what the next poll should know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pollers.profiles.reading.collect import PollClock
from pollers.profiles.reading.frames import Frames, Known, without_rows
from pollers.profiles.reading.plan import Plan
from pollers.profiles.reading.state import DeviceState
from pollers.profiles.reading.walking import NO_ROWS, Walks
from pollers.snmp.client import Session
from pollers.snmp.errors import SnmpError
from pollers.snmp.values import EXCEPTIONS, Oid, Value

SYS_UPTIME: Final = "1.3.6.1.2.1.1.3.0"
ENGINE_BOOTS: Final = "1.3.6.1.6.3.10.2.1.2.0"
_UPTIME_WRAP_CS: Final = 2**32
#: clocks of device and worker may drift this much against one another before a fall counts as sysUpTime's own wrap
_WRAP_TOLERANCE_CS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The result of one poll."""

    frames: Frames
    clock: PollClock
    state: DeviceState  #: for the next poll
    problems: Sequence[str] = ()  #: for people: what went wrong on the way
    unread: frozenset[str] = frozenset()  #: tables that were not reached


def rebooted(before: PollClock | None, now: PollClock) -> bool:
    """Return whether the device restarted since the last poll; sysUpTime's wrap after 497 days does not count."""
    if before is None:
        return False
    if before.engine_boots is not None and now.engine_boots is not None and now.engine_boots != before.engine_boots:
        return True
    if before.uptime_cs is None or now.uptime_cs is None or now.uptime_cs >= before.uptime_cs:
        return False
    elapsed_cs = (now.polled_at_ms - before.polled_at_ms) // 10
    wrapped_to = before.uptime_cs + elapsed_cs - _UPTIME_WRAP_CS
    return abs(wrapped_to - now.uptime_cs) > _WRAP_TOLERANCE_CS


async def read_device(session: Session, state: DeviceState, polled_at_ms: int) -> Reading:
    """Read everything that the state's plan needs, except for values known from earlier polls or enrichment.

    Raises SnmpError where not even the first request is answered; later failures leave a reading with problems.
    """
    plan = state.plan
    every = tuple(dict.fromkeys((SYS_UPTIME, ENGINE_BOOTS, *plan.scalars, *plan.slow_scalars)))
    spared = set() if _scalars_due(state, polled_at_ms) else set(plan.slow_scalars)
    wanted = [oid for oid in every if oid not in state.skip and oid not in spared]
    scalars = dict(zip(wanted, await session.get_many(wanted), strict=True))
    clock = PollClock(polled_at_ms, _integer(scalars.get(SYS_UPTIME)), _integer(scalars.get(ENGINE_BOOTS)))
    if rebooted(state.clock, clock):
        if left_out := [oid for oid in every if oid not in scalars]:
            scalars |= dict(zip(left_out, await session.get_many(left_out), strict=True))
        state, spared = state.rebooted(), set()
    poll = Walks(session, state, _still_good(state, clock), polled_at_ms)
    await poll.run()
    if spared and not poll.wanted.isdisjoint(_sets(plan)):
        # a row has appeared whose remembered values are made of scalars that were spared
        left_out = [oid for oid in plan.slow_scalars if oid not in scalars and oid not in state.skip]
        try:
            scalars |= dict(zip(left_out, await session.get_many(left_out), strict=True))
        except SnmpError as error:
            poll.problems.append(f"names of new rows: {error}")
    elif spared:
        poll.used |= {name: state.known[name] for name in _sets(plan) if name in state.known}
    skip = state.skip | _superfluous_scalars(plan, scalars)
    frames = Frames(plan.profile, scalars, poll.answers, poll.used)
    remembered = {name: known for name in plan.slow_names if (known := _remember(plan, frames, name, poll, clock))}
    learnt = replace(
        state,
        clock=clock,
        skip=frozenset(skip | _superfluous(plan, poll)),
        known=remembered,
        rows=poll.rows,
        empty=poll.empty,
        offered={name: one for name, one in state.offered.items() if remembered.get(name) is not one},
    )
    return Reading(
        frames=frames, clock=clock, state=learnt, problems=tuple(poll.problems), unread=frozenset(poll.unread)
    )


def _sets(plan: Plan) -> list[str]:
    return [name for name, table in plan.profile.tables.items() if table.scalar]


def _scalars_due(state: DeviceState, now_ms: int) -> bool:
    """Return whether scalars with `refresh`, or what is made of them, are to be read in this poll."""
    plan, sets = state.plan, set(_sets(state.plan))
    users = [name for name in plan.slow_names if name in sets or plan.needs[name] & sets]
    found = [state.known.get(name) for name in users]
    return any(known is None or now_ms >= known.until_ms for known in found)


def _integer(value: Value | None) -> int | None:
    """Return an integer that Avro can hold; sysUpTime and snmpEngineBoots have 32 bits."""
    data = value.data if value is not None and value.exists else None
    return data if isinstance(data, int) and 0 <= data < 2**63 else None


def _still_good(state: DeviceState, clock: PollClock) -> dict[str, Known]:
    """Return what need not be read again: remembered less than its refresh ago, and since the last boot."""
    booted_ms = clock.polled_at_ms - clock.uptime_cs * 10 if clock.uptime_cs is not None else 0
    found: dict[str, Known] = {}
    for table, names in state.plan.slow_names.items():
        candidates = [
            known
            for known in (state.offered.get(table), state.known.get(table))
            if known is not None
            and booted_ms <= known.at_ms
            and clock.polled_at_ms < known.until_ms
            and all(name in known.columns for name in names)
        ]
        if candidates:
            found[table] = max(candidates, key=lambda known: known.at_ms)
    return found


def _remember(plan: Plan, frames: Frames, name: str, poll: Walks, clock: PollClock) -> Known | None:
    if name in poll.used:
        return poll.used[name]
    if name in poll.unread or (name not in poll.answers and not plan.profile.tables[name].scalar):
        return None
    frame = frames.frame(name)
    at_ms, until_ms = clock.polled_at_ms, clock.polled_at_ms + plan.refresh_s[name] * 1_000
    if not frame.index:
        return without_rows(plan.slow_names[name], at_ms, until_ms)
    columns = {column: tuple(frame.column(column)) for column in plan.slow_names[name]}
    return Known({index: place for place, index in enumerate(frame.index)}, columns, at_ms, until_ms)


def _superfluous(plan: Plan, poll: Walks) -> set[Oid]:
    """Return the OIDs not to ask for again: no row has them, or every row has a better source.

    A table without any row tells nothing about its columns, and one that broke off neither.
    """
    gone = [walk for walk, rows in poll.rows.items() if rows == NO_ROWS != poll.state.rows.get(walk, NO_ROWS)]
    found: set[Oid] = set() if gone else set(poll.state.skip)
    for name, answer in poll.answers.items():
        if answer.problem or not answer.rows:
            continue
        for column in plan.profile.tables[name].columns.values():
            left: Sequence[int] = range(len(answer.rows))
            for source in column.sources:
                answered = answer.columns.get(source.oid)
                if answered is None:
                    continue
                if not left or not any(answered.types):
                    found.add(source.oid)
                left = [row for row in left if not answered.types[row]] if 0 in answered.types else ()
    return found | _beaten_tables(plan, poll)


def _superfluous_scalars(plan: Plan, scalars: Mapping[Oid, Value]) -> set[Oid]:
    found = {oid for oid, value in scalars.items() if value.type in EXCEPTIONS}
    if len(scalars) - len(found) < 2:
        return found - {SYS_UPTIME}  # no column can have two sources
    for table in plan.profile.tables.values():
        for column in table.columns.values() if table.scalar else ():
            answered = [source.oid for source in column.sources if (value := scalars.get(source.oid)) and value.exists]
            found.update(answered[1:])
    return found - {SYS_UPTIME}


def _beaten_tables(plan: Plan, poll: Walks) -> set[Oid]:
    """Return the OIDs of tables that come after one with rows in a `first_of` group, and that nothing else needs."""
    beaten: set[str] = set()
    needed: set[str] = set(plan.borrowed)
    with_rows = {name for name, answer in poll.answers.items() if answer.rows}
    for group in plan.groups:
        if group.first_of and (found := [name for name in group.tables if name in with_rows]):
            needed.add(found[0])
            beaten.update(group.tables[group.tables.index(found[0]) + 1 :])
        else:
            needed.update(group.tables)
    if not beaten:
        return set()
    walks = [walk for walk in plan.walks if set(walk.tables) <= beaten - needed]
    return {oid for walk in walks for oid in (*walk.fast, *walk.slow)}
