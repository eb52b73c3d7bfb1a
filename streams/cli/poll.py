"""`panoptes poll`: one device, or a recording of one, polled once by the profile that fits it."""

import time
from pathlib import Path

import click

from pollers.plugins.base import Poll
from pollers.plugins.snmp_facts import SYSTEM
from pollers.plugins.snmp_profile import DEFAULT_FALLBACK, to_poll
from pollers.profiles.library import Library
from pollers.profiles.match import fits
from pollers.profiles.plan import Plan, make_plan
from pollers.profiles.present import explain_plan, json_lines, text_rows
from pollers.profiles.reading import Memory, read_device
from pollers.snmp.client import Session
from schemas.records import Outcome
from streams.cli.device import fail, load_library, profiles_option, recorded_session, run, walk_option


@click.command()
@click.argument("target", required=False)
@walk_option
@profiles_option
@click.option("--profile", "name", help="Poll by this profile instead of the one that fits.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@click.option("--explain", is_flag=True, help="Also why this profile, which requests, and how many packets.")
def command(
    target: str | None,
    recording: Path | None,
    folders: tuple[Path, ...],
    name: str | None,
    *,
    as_json: bool,
    explain: bool,
) -> None:  # noqa: E501
    """Poll TARGET (host, host:port or [v6]:port), or a recording, and show what comes back."""
    if (target is None) is (recording is None):
        fail("expected either a TARGET or --walk FILE")
    library = load_library(folders)
    if recording is not None:
        poll = run(_poll(recorded_session(recording), library, name, explain=explain))
    else:
        fail("live devices need the SNMP engine")
    profile, result = poll
    for line in json_lines(profile, result.samples) if as_json else text_rows(result.samples, profile):
        click.echo(line)
    if result.outcome is not Outcome.SUCCESS:
        click.echo(f"{result.outcome.lower()}: {result.reason}", err=True)


async def choose_profile(session: Session, library: Library, name: str | None) -> tuple[str, str]:
    """Return the profile's name and why it is that one."""
    if name is not None:
        if name not in library.profiles:
            fail(f"no profile {name!r}; there are: {', '.join(sorted(library.profiles))}")
        return name, "asked for"
    oid, descr = await session.get_many([SYSTEM["sys_object_id"], SYSTEM["sys_descr"]])
    texts = [
        value.data.decode("utf-8", "replace") if isinstance(value.data, bytes) else value.data for value in (oid, descr)
    ]
    found = fits(library.profiles.values(), *(str(text) if text is not None else None for text in texts))
    if not found:
        return DEFAULT_FALLBACK, f"none fits sysObjectID {texts[0]}, sysDescr {texts[1]!r}"
    return found[0].name, f"sysObjectID {texts[0]} matches {found[0].pattern}"


async def _poll(session: Session, library: Library, name: str | None, *, explain: bool) -> tuple[str, Poll]:
    profile, why = await choose_profile(session, library, name)
    plan = make_plan(library.profiles[profile])
    now_ms = time.time_ns() // 1_000_000
    before = session.stats.packets_sent
    reading = await read_device(session, plan, Memory(), {}, now_ms)
    if explain:
        click.echo(f"profile: {profile} ({why})", err=True)
        await _explain(session, plan, reading.memory, session.stats.packets_sent - before, now_ms)
    return profile, to_poll(plan, reading, session)


async def _explain(session: Session, plan: Plan, memory: Memory, first: int, now_ms: int) -> None:
    before = session.stats.packets_sent
    again = await read_device(session, plan, memory, {}, now_ms + 1_000)
    click.echo(
        f"packets: {first} for the first poll, {session.stats.packets_sent - before} for each later one", err=True
    )
    for line in explain_plan(plan, again.memory.skip):
        click.echo(line, err=True)
