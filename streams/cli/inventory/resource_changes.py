"""`panoptes resources forget|ignore|maintain|rename|reclassify`: changes what the inventory says of a resource."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from schemas.records import IDENTITY_SEPARATOR, Resource
from streams.cli.inventory.resource_entry import read_entry, tell
from streams.cli.loading import load_or_exit, run_or_exit
from streams.cli.moments import UNITS_S, WhenType
from streams.resources import overrides
from streams.runtime.settings.loading import Settings

_PARTS: Final = 5  #: of an identity
_BAD: Final = 2

identity_argument = click.argument("identity", metavar="SITE|CLASS|SUBCLASS|TYPE|ID")
config_option = click.option("--config", type=click.Path(path_type=Path), help="panoptes.ini to use.")


@click.command("forget")
@identity_argument
@config_option
def forget(identity: str, config: Path | None) -> None:
    """Remove a resource from the inventory and drop its overrides; it returns when a section sees it again."""
    settings = load_or_exit(config)
    _parts(identity)
    run_or_exit(tell(settings, identity, None))
    click.echo(f"{identity} leaves the inventory as soon as the resources stage has read this")


@click.command("ignore")
@identity_argument
@config_option
def ignore(identity: str, config: Path | None) -> None:
    """Remove a resource from the inventory for good; `forget` takes that back."""
    settings = load_or_exit(config)
    site, resource_class, subclass, kind, resource_id = _parts(identity)
    nobody = Resource(
        site=site, resource_class=resource_class, resource_subclass=subclass, resource_type=kind,
        resource_id=resource_id, endpoint=resource_id, plugins=(), first_seen_ms=_now_ms(), last_seen_ms=0,
    )  # fmt: skip
    known = run_or_exit(read_entry(settings, identity)).published or nobody
    word = overrides.said(known, _now_ms(), overrides.EVER_S, **{overrides.IGNORED: "yes"})
    run_or_exit(tell(settings, identity, word))
    click.echo(f"{identity} is ignored from now on; `panoptes resources forget` takes that back")


@click.command("maintain")
@identity_argument
@click.option("--for", "lasts", metavar="DURATION", help="How long: 30m, 2h, 1d.")
@click.option("--until", type=WhenType(), help="Until when: 2026-01-31T12:00:00Z.")
@click.option("--end", is_flag=True, help="It is over now.")
@config_option
def maintain(identity: str, lasts: str | None, until: int | None, end: bool, config: Path | None) -> None:
    """Mark a resource as under maintenance until a time; it is polled as before, and does not expire meanwhile."""
    settings = load_or_exit(config)
    if sum((lasts is not None, until is not None, end)) != 1:
        raise click.UsageError("expected one of --for, --until and --end")
    now_s = int(time.time())
    left_s = 1 if end else (until - now_s if until is not None else _duration_s(lasts or ""))
    if not 0 < left_s <= overrides.EVER_S:
        raise click.BadParameter("expected a time that is still to come", param_hint="--until")
    known = _known(settings, identity)
    until_text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s + left_s))
    labels = {} if end else {overrides.MAINTENANCE: until_text}
    run_or_exit(tell(settings, identity, overrides.said(known, _now_ms(), left_s, **labels)))
    click.echo(f"{identity} is under maintenance {'no more' if end else f'until {until_text}'}")


@click.command("rename")
@identity_argument
@click.argument("new_id", metavar="NEW-ID")
@config_option
def rename(identity: str, new_id: str, config: Path | None) -> None:
    """Give a resource another id; sections that see it under the old one see it under the new one."""
    _rename(load_or_exit(config), identity, resource_id=new_id)


@click.command("reclassify")
@identity_argument
@click.option("--class", "resource_class")
@click.option("--subclass", "resource_subclass")
@click.option("--type", "resource_type")
@config_option
def reclassify(identity: str, config: Path | None, **parts: str | None) -> None:
    """Give a resource another class, subclass or type."""
    changed = {name: part for name, part in parts.items() if part is not None}
    if not changed:
        raise click.UsageError("expected --class, --subclass or --type")
    _rename(load_or_exit(config), identity, **changed)


def _rename(settings: Settings, identity: str, **changed: str) -> None:
    """Have one identity stand for another. What goes back to a former one ends that alias first."""
    for name, part in changed.items():
        if not part.strip() or IDENTITY_SEPARATOR in part or not part.isprintable():
            raise click.UsageError(f"{name}: expected printable text without {IDENTITY_SEPARATOR!r}, found {part!r}")
    known = _known(settings, identity)
    now = replace(known, **changed).identity  # type: ignore[arg-type]
    if now == identity:
        raise click.UsageError(f"{identity} is called so already")
    there = run_or_exit(read_entry(settings, now))
    if now in known.former_identities:
        run_or_exit(tell(settings, now, None))
    elif there.sightings:
        click.echo(f"{now} is another resource: `panoptes resources forget` that one first", err=True)
        sys.exit(1)
    word = overrides.said(known, _now_ms(), overrides.EVER_S, **{overrides.ALIAS: now})
    run_or_exit(tell(settings, identity, word))
    click.echo(f"{identity} is {now} from now on")


def _known(settings: Settings, identity: str) -> Resource:
    """Return a resource of the inventory; ends the command where it is none."""
    _parts(identity)
    entry = run_or_exit(read_entry(settings, identity))
    if entry.published is None or overrides.is_ignored(entry.sightings):
        click.echo(f"{identity} is not in the inventory", err=True)
        sys.exit(1)
    if (alias := overrides.alias_of(entry.sightings)) is not None:
        click.echo(f"{identity} is {alias} now", err=True)
        sys.exit(1)
    return entry.published


def _parts(identity: str) -> list[str]:
    parts = identity.split(IDENTITY_SEPARATOR)
    if len(parts) != _PARTS or not all(parts):
        click.echo(f"expected site|class|subclass|type|id in quotes, found {identity!r}", err=True)
        sys.exit(_BAD)
    return parts


def _duration_s(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    if unit not in UNITS_S or not (number.isascii() and number.isdecimal()):
        raise click.BadParameter(f"expected 30m, 2h or 1d, found {text!r}", param_hint="--for")
    return int(number) * UNITS_S[unit]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
