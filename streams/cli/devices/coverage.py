"""`panoptes profile coverage`: counts how much profiles find on many recordings."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click

from pollers.profiles.authoring.recorded_lines import RecordingError, read_lines
from pollers.profiles.authoring.recording import RecordedSession
from pollers.profiles.language.absent import Reason
from pollers.profiles.loading.library import Library
from pollers.profiles.match import covering
from pollers.sample import Sample
from streams.cli.devices.device import fail, load_library, profiles_option
from streams.cli.devices.poll import identity_of, poll_once

#: how recordings' names end
_ENDINGS: Final = (".snmprec", ".snmpwalk", ".walk")
#: what every device with IF-MIB and an IP stack has
_PLAIN: Final = frozenset({"interface", "ip", "ip_v4", "tcp", "udp"})
_COUNTED: Final = ("cpu", "memory", "temperature")


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """How much was found on one recording."""

    file: str
    refused: str = ""  #: why it could not be read
    odd_lines: int = 0  #: were left out
    sys_object_id: str = ""
    profile: str = ""
    vendors: bool = False  #: a vendor's profile fits, or there is no sysObjectID to tell by
    groups: tuple[str, ...] = ()  #: those with a value in at least one row
    rows: int = 0
    implausible: tuple[str, ...] = ()  #: columns some of whose values were past what they can be


def covered(file: str, text: str, library: Library) -> Covered:
    """Poll a recording by the profile that fits it, else by the one that finds most in it, and count what is found."""
    try:
        recording = read_lines(text, file)
    except RecordingError as error:
        return Covered(file=file, refused=str(error))
    if not recording.entries:
        return Covered(file=file, refused="no values in it")
    session = RecordedSession(recording.entries)
    oid, _descr = asyncio.run(identity_of(session))
    best = None if oid else covering(library.profiles.values(), [entry[0] for entry in recording.entries])
    polled = asyncio.run(poll_once(session, library, best[0].name if best else None, explain=False))
    samples = polled.poll.samples
    return Covered(
        file=file,
        odd_lines=len(recording.odd),
        sys_object_id=oid or "",
        profile=polled.profile,
        vendors=polled.chosen.fits,
        groups=tuple(sorted({sample.group for sample in samples if _says(sample)})),
        rows=sum(len(sample.index) for sample in samples),
        implausible=tuple(
            sorted(
                {
                    f"{sample.group}.{cells.column}"
                    for sample in samples
                    for cells in sample.missing
                    if cells.reason == Reason.IMPLAUSIBLE
                }
            )
        ),
    )


def _says(sample: Sample) -> bool:
    """Return whether some row has a number or a state: rows of names alone say nothing."""
    gone = Counter(cells.column for cells in sample.missing for _ in cells.rows)
    names = [column.name for columns in (sample.counters, sample.gauges, sample.states) for column in columns]
    return bool(sample.derived) or any(gone[name] < len(sample.index) for name in names)


def totals(found: Iterable[Covered]) -> dict[str, int]:
    """Return the number of recordings by what was found in them."""
    each = list(found)
    read = [one for one in each if not one.refused]
    return {
        "recordings": len(each),
        "refused": len(each) - len(read),
        "no rows": sum(not one.rows for one in read),
        "interfaces only": sum(bool(one.rows) and _PLAIN.issuperset(one.groups) for one in read),
        "more than interfaces": sum(not _PLAIN.issuperset(one.groups) for one in read),
        "vendor's profile": sum(one.vendors and bool(one.sys_object_id) for one in read),
        **{group: sum(group in one.groups for one in read) for group in _COUNTED},
        "implausible values": sum(bool(one.implausible) for one in read),
    }


def _lines(one: Covered) -> Iterator[str]:
    if one.refused:
        yield f"{one.file}: refused: {one.refused}"
        return
    mark = "" if one.vendors else ", no vendor's profile fits"
    yield f"{one.file}: {one.profile} ({one.sys_object_id or 'no sysObjectID'}{mark}), {one.rows} rows"
    yield f"    {', '.join(one.groups) or 'nothing'}"
    if one.odd_lines:
        yield f"    {one.odd_lines} lines left out"
    if one.implausible:
        yield f"    implausible: {', '.join(one.implausible)}"


@click.command("coverage")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@profiles_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object per recording.")
def command(path: Path, folders: tuple[Path, ...], *, as_json: bool) -> None:
    """Poll every recording under PATH by the profile that fits it, and count what is found.

    One without a sysObjectID is polled by the profile that finds most in it.
    """
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix in _ENDINGS)
    if not files:
        fail(f"{path}: no recordings in it ({', '.join(_ENDINGS)})")
    library = load_library(folders)
    found: list[Covered] = []
    for file in files:
        name = str(file.relative_to(path)) if path.is_dir() else file.name
        one = covered(name, file.read_bytes().decode("utf-8", "surrogateescape"), library)
        found.append(one)
        for line in [json.dumps(asdict(one))] if as_json else _lines(one):
            click.echo(line)
    for what, count in totals(found).items():
        click.echo(f"{what}: {count}", err=True)
    if any(one.refused for one in found):
        sys.exit(1)
