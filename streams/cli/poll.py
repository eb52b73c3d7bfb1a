"""`panoptes poll`: one device, or a recording of one, polled once by the profile that fits it."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from pollers.plugins.base import Poll
from pollers.plugins.snmp_facts import SYSTEM
from pollers.plugins.snmp_profile import DEFAULT_FALLBACK, to_poll
from pollers.profiles.absent import Absent
from pollers.profiles.convert import raw_value
from pollers.profiles.functions import as_text
from pollers.profiles.library import Library
from pollers.profiles.match import fits
from pollers.profiles.model import As
from pollers.profiles.plan import Plan, make_plan
from pollers.profiles.present import explain_plan, json_lines, text_rows
from pollers.profiles.reading import Reading, read_device
from pollers.profiles.walking import Memory
from pollers.snmp.client import Session
from schemas.records import Outcome
from streams.cli.device import (
    Login,
    fail,
    guarded,
    load_library,
    login_options,
    profiles_option,
    recorded_session,
    walk_option,
    with_device,
)


@dataclass(frozen=True, slots=True)
class Polled:
    profile: str
    poll: Poll
    explanation: list[str]


@click.command()
@click.argument("target", required=False)
@walk_option
@profiles_option
@click.option("--profile", "name", help="Poll by this profile instead of the one that fits.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option("--explain", is_flag=True, help="Also why this profile, which requests, and how many packets.")
@login_options
def command(
    target: str | None,
    recording: Path | None,
    folders: tuple[Path, ...],
    name: str | None,
    *,
    as_json: bool,
    explain: bool,
    **login: Any,
) -> None:
    """Poll TARGET (host, host:port or [v6]:port), or a recording, and show what comes back."""
    library = load_library(folders)

    async def work(session: Session) -> Polled:
        return await poll_once(session, library, name, explain=explain)

    if recording is not None and target is None:
        polled = guarded(str(recording), work(recorded_session(recording)))
    elif target is not None and recording is None:
        polled = with_device(target, Login(**login), work)
    else:
        fail("expected either a TARGET or --walk FILE")
    for line in polled.explanation:
        click.echo(line, err=True)
    samples = polled.poll.samples
    for line in json_lines(polled.profile, samples) if as_json else text_rows(samples, polled.profile):
        click.echo(line)
    if polled.poll.outcome is not Outcome.SUCCESS:
        click.echo(f"{polled.poll.outcome.lower()}: {polled.poll.reason}", err=True)


async def identity_of(session: Session) -> tuple[str | None, str | None]:
    """Return the device's sysObjectID and sysDescr."""
    values = await session.get_many([SYSTEM["sys_object_id"], SYSTEM["sys_descr"]])
    cells = [raw_value(value.type, value.data, As.AUTO) for value in values]
    oid, descr = (None if isinstance(cell, Absent) else as_text(cell) for cell in cells)
    return oid, descr


async def choose_profile(session: Session, library: Library, name: str | None) -> tuple[str, str]:
    """Return the profile's name and why it is that one."""
    if name is not None:
        if name not in library.profiles:
            fail(f"no profile {name!r}; there are: {', '.join(sorted(library.profiles))}")
        return name, "asked for"
    oid, descr = await identity_of(session)
    found = fits(library.profiles.values(), oid, descr)
    if not found:
        return DEFAULT_FALLBACK, f"no profile fits sysObjectID {oid}, sysDescr {descr!r}"
    return found[0].name, f"sysObjectID {oid} fits {found[0].pattern}"


async def poll_once(session: Session, library: Library, name: str | None, *, explain: bool) -> Polled:
    """Return what a poll brings in; with `explain`, of a second poll too: what it costs once all is learnt."""
    profile, why = await choose_profile(session, library, name)
    plan = make_plan(library.profiles[profile])
    now_ms = time.time_ns() // 1_000_000
    before = session.stats.packets_sent
    reading = await read_device(session, plan, Memory(), {}, now_ms)
    first = session.stats.packets_sent - before
    poll = to_poll(plan, reading, session)
    explanation = [f"profile: {profile} ({why})"] if explain else []
    if explain:
        explanation += await _costs(session, plan, reading, first, now_ms)
    return Polled(profile, poll, explanation)


async def _costs(session: Session, plan: Plan, reading: Reading, first: int, now_ms: int) -> list[str]:
    before = session.stats.packets_sent
    again = await read_device(session, plan, reading.memory, {}, now_ms + 1_000)
    later = session.stats.packets_sent - before
    packets = f"packets: {first} for the first poll, {later} for each later one"
    return [packets, *explain_plan(plan, again.memory)]
