"""`panoptes poll`: polls a device or a recording once by the profile that fits."""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Unpack

import click

from pollers.plugins.base import Poll
from pollers.plugins.snmp.enricher import SYSTEM
from pollers.plugins.snmp.followed_profiles import DEFAULT_FALLBACK
from pollers.plugins.snmp.polling import to_poll
from pollers.profiles.authoring.present import explain_plan, json_lines, oid_names, text_rows
from pollers.profiles.language.absent import Absent
from pollers.profiles.language.functions import as_text
from pollers.profiles.loading.compose import Composer
from pollers.profiles.loading.library import Library
from pollers.profiles.match import fits, is_vendors
from pollers.profiles.model import As, Profile
from pollers.profiles.reading.convert import raw_value
from pollers.profiles.reading.plan import make_plan
from pollers.profiles.reading.poll import Reading, read_device
from pollers.profiles.reading.state import DeviceState
from pollers.profiles.standards import profiles_of, standards_of
from pollers.snmp.client import Session
from pollers.snmp.errors import SnmpError
from schemas.records import Outcome
from streams.cli.devices.device import (
    Login,
    LoginOptions,
    fail,
    guarded,
    load_library,
    login_options,
    profiles_option,
    recorded_session,
    tell_unidentified,
    walk_option,
    with_device,
)
from streams.cli.devices.exchanges import Exchanges, ToldSession

#: exit code of a poll whose device answered, and which found nothing
NOTHING_FOUND: Final = 3


@dataclass(frozen=True, slots=True)
class PolledOnce:
    profile: str
    poll: Poll
    whole: bool  #: every request was answered
    chosen: "Chosen"


@click.command()
@click.argument("target", required=False)
@walk_option
@profiles_option
@click.option("--profile", "name", help="Poll by this profile instead of the one that fits.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option(
    "--explain", is_flag=True, help="Also why this profile, what each request asked and brought, and how many packets."
)
@login_options
def command(
    target: str | None,
    recording: Path | None,
    folders: tuple[Path, ...],
    name: str | None,
    *,
    as_json: bool,
    explain: bool,
    **login: Unpack[LoginOptions],
) -> None:
    """Poll TARGET (host, host:port or [v6]:port), or a recording, and show what comes back."""
    library = load_library(folders)
    exchanges = Exchanges(_say) if explain else None

    async def work(session: Session) -> PolledOnce:
        if exchanges is None:
            return await poll_once(session, library, name, explain=False)
        return await _told(session, library, name, exchanges)

    if recording is not None and target is None:
        session = recorded_session(recording)
        if name is None:
            tell_unidentified(session, library)
        polled = guarded(str(recording), poll_once(session, library, name, explain=explain))
    elif target is not None and recording is None:
        polled = with_device(target, Login(**login), work, exchanges)
    else:
        fail("expected either a TARGET or --walk FILE")
    _show(polled, target, as_json=as_json)


def _show(polled: PolledOnce, target: str | None, *, as_json: bool) -> None:
    """Print the rows, and beside them what is wrong; ends the command with 3 where there are none."""
    samples = polled.poll.samples
    for line in json_lines(polled.profile, samples) if as_json else text_rows(samples, polled.profile):
        click.echo(line)
    if not polled.chosen.fits:
        for line in unfitted_lines(polled.chosen.mibs, target or "TARGET"):
            _say(line)
    if polled.poll.outcome is not Outcome.SUCCESS:
        _say(f"{polled.poll.outcome.lower()}: {polled.poll.reason}")
        if target is not None and polled.whole and not samples:
            _say("check the view: whether this community or user may read the profile's tables")
    if not samples:
        sys.exit(NOTHING_FOUND)


def _say(line: str) -> None:
    """Tell what stands beside the rows: at once, so that a poll that fails has told all until then."""
    click.echo(line, err=True)


async def identity_of(session: Session) -> tuple[str | None, str | None]:
    """Return the device's sysObjectID and sysDescr."""
    values = await session.get_many([SYSTEM["sys_object_id"], SYSTEM["sys_descr"]])
    cells = [raw_value(value.type, value.data, As.AUTO) for value in values]
    oid, descr = (None if isinstance(cell, Absent) else as_text(cell) for cell in cells)
    return oid, descr


class Chosen(NamedTuple):
    profile: Profile
    why: str
    fits: bool  #: it was asked for, or the device is what it is made for, or says nothing of what it is
    mibs: tuple[str, ...] = ()  #: standard MIBs that the device has


async def choose_profile(session: Session, library: Library, name: str | None) -> Chosen:
    """Return the profile, with the standard MIBs that the device has, and the reason for the choice."""
    if name is not None:
        if name not in library.profiles:
            fail(f"no profile {name!r}; there are: {', '.join(sorted(library.profiles))}")
        return Chosen(library.profiles[name], "asked for", True)
    oid, descr = await identity_of(session)
    found = fits(library.profiles.values(), oid, descr)
    mibs = await probed(session)
    chosen = Composer(library).profile(found[0].name if found else DEFAULT_FALLBACK, profiles_of(mibs))
    if chosen is None:
        fail(f"the profile {DEFAULT_FALLBACK} is broken: see `panoptes profile lint`")
    if not found:
        hint = "; check the view: it may hide the system group" if oid is None and descr is None else ""
        return Chosen(chosen, f"no profile fits sysObjectID {oid}, sysDescr {descr!r}{hint}", oid is None, mibs)
    return Chosen(chosen, f"sysObjectID {oid} fits {found[0].pattern}", is_vendors(chosen), mibs)


async def probed(session: Session) -> tuple[str, ...]:
    """Return the standard MIBs that the device has; none where it does not answer that."""
    try:
        return await standards_of(session)
    except SnmpError:
        return ()


def unfitted_lines(mibs: Sequence[str], target: str) -> Iterator[str]:
    """Yield hints for a device without a vendor's profile."""
    yield f"no vendor's profile fits; standard MIBs found: {', '.join(mibs) or 'none'}"
    yield f"to draft one: panoptes walk {target} -o FILE; panoptes profile new --walk FILE --name NAME"


async def poll_once(
    session: Session, library: Library, name: str | None, *, explain: bool, exchanges: Exchanges | None = None
) -> PolledOnce:
    """Poll once and return the result; with `explain`, poll again and show the cost once everything is learnt.

    `exchanges` learns the names of the profile's columns. Raises SnmpError where the first poll fails.
    """
    chosen = await choose_profile(session, library, name)
    plan = make_plan(chosen.profile)
    profile = chosen.profile.name
    if explain:
        _say(f"profile: {profile} ({chosen.why})")
        if chosen.mibs:
            _say(f"standard MIBs found: {', '.join(chosen.mibs)}")
    if exchanges is not None:
        exchanges.names |= oid_names(plan.profile)
        _say("first poll")
    now_ms = time.time_ns() // 1_000_000
    before = session.stats.packets_sent
    reading = await read_device(session, DeviceState(plan=plan), now_ms)
    first = session.stats.packets_sent - before
    poll = to_poll(reading, session)
    if exchanges is not None:
        _say("later poll")
    if explain:
        await _tell_costs(session, reading, first, now_ms)
    return PolledOnce(profile, poll, not reading.problems, chosen)


async def _told(session: Session, library: Library, name: str | None, exchanges: Exchanges) -> PolledOnce:
    """Return what a poll of a live device brings in, each request told. Raises SnmpError where the first poll fails."""
    try:
        told = ToldSession(session, exchanges)
        return await poll_once(told, library, name, explain=True, exchanges=exchanges)
    except SnmpError:
        _say(f"packets: {session.stats.packets_sent} sent, {session.stats.packets_received} received")
        raise


async def _tell_costs(session: Session, reading: Reading, first: int, now_ms: int) -> None:
    """Poll again and tell what that costs; a device that fails now takes nothing from what the first poll brought."""
    before, state = session.stats.packets_sent, reading.state
    try:
        state = (await read_device(session, state, now_ms + 1_000)).state
    except SnmpError as error:
        _say(f"packets: {first} for the first poll; the later one failed: {error}")
    else:
        later = session.stats.packets_sent - before
        _say(f"packets: {first} for the first poll, {later} for each later one")
    for line in explain_plan(state):
        _say(line)
