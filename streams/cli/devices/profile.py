"""`panoptes profile`: matches, checks, tests, drafts and imports profiles."""

import asyncio
import difflib
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Unpack

import click

from pollers.profiles.authoring.drafting import draft_profile
from pollers.profiles.authoring.expected import ExpectedError, differences, read_expected
from pollers.profiles.authoring.present import json_lines
from pollers.profiles.authoring.verify import hints, key_hints
from pollers.profiles.authoring.wording import wording_problems
from pollers.profiles.importing.folder import ENDINGS, SOURCES, Extent, Result, import_texts
from pollers.profiles.language.absent import Reason
from pollers.profiles.loading.library import Library, read_library
from pollers.profiles.loading.siblings import parents_beside
from pollers.profiles.match import fits, is_vendors
from pollers.profiles.reading.constants import FAULTS
from pollers.sample import Sample
from pollers.snmp.client import Session
from pollers.vocabulary.load import load
from schemas.records import Outcome
from streams.cli.devices import coverage, gaps
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
from streams.cli.devices.poll import identity_of, poll_once, probed, unfitted_lines

#: how many of the reasons are told why constructs of files were lost, the most frequent first
_REASONS: Final = 5


class ProfileQuery(NamedTuple):
    oid: str | None
    descr: str | None
    mibs: tuple[str, ...] | None = None  #: standard MIBs of the device; None = no device was asked


@click.group("profile")
def command() -> None:
    """Match, lint, test, draft and import device profiles."""


@command.command("match")
@click.argument("target", required=False)
@walk_option
@profiles_option
@click.option("--sys-object-id", help="A sysObjectID, instead of a device.")
@click.option("--sys-descr", help="A sysDescr to go with it.")
@login_options
def match(
    target: str | None,
    recording: Path | None,
    folders: tuple[Path, ...],
    sys_object_id: str | None,
    sys_descr: str | None,
    **login: Unpack[LoginOptions],
) -> None:
    """Show which profiles fit TARGET, a recording, or a sysObjectID; the first one is taken."""
    library = load_library(folders)

    async def work(session: Session) -> ProfileQuery:
        return ProfileQuery(*await identity_of(session), await probed(session))

    if recording is not None:
        recorded = recorded_session(recording)
        tell_unidentified(recorded, library)
        asked = guarded(str(recording), work(recorded))
    elif target is not None:
        asked = with_device(target, Login(**login), work)
    elif sys_object_id is not None or sys_descr is not None:
        asked = ProfileQuery(sys_object_id, sys_descr)
    else:
        fail("expected a TARGET, --walk FILE, --sys-object-id or --sys-descr")
    found = fits(library.profiles.values(), asked.oid, asked.descr)
    for place, fit in enumerate(found):
        kind = "exact" if fit.exact else "prefix" if fit.arcs else "sysDescr"
        mark = "->" if place == 0 else "  "
        also = " and sysDescr" if fit.descr and fit.arcs else ""
        yields = ", yields to others" if fit.yields else ""
        click.echo(f"{mark} {fit.name}  ({kind} {fit.pattern}{also}{yields})")
    if asked.mibs is not None and asked.oid is not None and not (found and is_vendors(library.profiles[found[0].name])):
        for line in unfitted_lines(asked.mibs, target or "TARGET"):
            click.echo(line, err=True)
    if not found:
        click.echo(f"no profile fits sysObjectID {asked.oid}, sysDescr {asked.descr!r}", err=True)
        sys.exit(1)


@command.command("lint")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
def lint(paths: tuple[Path, ...]) -> None:
    """Check profiles: the built-in ones, and those in PATHS (files or folders)."""
    library = _library_of(paths)
    found = {profile.name: wording_problems(profile, load()) for profile in library.profiles.values()}
    problems = dict.fromkeys([*library.problems, *(problem for each in found.values() for problem in each)])
    for problem in problems:
        click.echo(str(problem))
    good = [name for name, each in found.items() if not each]
    click.echo(f"{len(good)} profiles good, {len(library.broken) + len(found) - len(good)} broken", err=True)
    if problems:
        sys.exit(1)


def _library_of(paths: tuple[Path, ...]) -> Library:
    """Return the built-in profiles with those of files and folders; a single file may extend what lies beside it."""
    folders = tuple(path for path in paths if path.is_dir())
    files = [path for path in paths if path.is_file()]
    return read_library(folders, [*parents_beside(files), *files])


@command.command("test")
@click.argument("name")
@click.option("--walk", "recording", type=click.Path(dir_okay=False, path_type=Path), help="The recording.")
@profiles_option
@click.option("--expect", type=click.Path(dir_okay=False, path_type=Path), help="What `poll --json` is to print.")
@click.option("--update", is_flag=True, help="Write that file anew instead.")
def test(name: str, recording: Path | None, folders: tuple[Path, ...], expect: Path | None, *, update: bool) -> None:
    """Poll a recording by profile NAME; print what it finds, what it does not, and what looks wrong.

    Without --walk, NAME is a YAML file of a walk and the rows to be found on it, or a folder of such files.
    """
    library = load_library(folders, warn=False)
    if recording is None:
        _test_expected(Path(name), library)
    else:
        _test_walk(name, recording, library, expect, update=update)


def _test_walk(name: str, recording: Path, library: Library, expect: Path | None, *, update: bool) -> None:
    own = [problem for problem in library.problems if name in library.broken]
    for problem in own:
        click.echo(str(problem), err=True)
    session = recorded_session(recording)
    polled = guarded(str(recording), poll_once(session, library, name, explain=False))
    lines = list(json_lines(name, polled.poll.samples))
    if expect is not None and update:
        expect.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    failed = expect is not None and not update and _differs(lines, expect)
    for line in _summary(polled.poll.samples):
        click.echo(line)
    for hint in (*hints(library.profiles[name], session.entries), *key_hints(polled.poll.samples)):
        click.echo(f"hint: {hint}")
    for part in (part for sample in polled.poll.samples for part in sample.missing):
        if part.reason == Reason.IMPLAUSIBLE:
            click.echo(f"hint: {part.column}: {part.reason} in {len(part.rows)} rows")
    faults = [part for sample in polled.poll.samples for part in sample.missing if part.reason in FAULTS]
    for part in faults:
        click.echo(f"fault: {part.column}: {part.reason} in {len(part.rows)} rows")
    if polled.poll.outcome is not Outcome.SUCCESS:
        click.echo(f"{polled.poll.outcome.lower()}: {polled.poll.reason}")
    if failed or faults:
        sys.exit(1)


def _test_expected(path: Path, library: Library) -> None:
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files:
        fail(f"{path}: no *.yaml in it")
    wrong = 0
    for file in files:
        try:
            found = asyncio.run(differences(read_expected(file), library))
        except ExpectedError as error:
            found = [str(error)]
        wrong += bool(found)
        for each in found:
            click.echo(each if each.startswith(f"{file}:") else f"{file}: {each}")
    click.echo(f"{len(files) - wrong} as expected, {wrong} not", err=True)
    if wrong:
        sys.exit(1)


def _differs(lines: list[str], expect: Path) -> bool:
    try:
        expected = expect.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        fail(str(error))
    difference = list(difflib.unified_diff(expected, lines, str(expect), "found", lineterm="", n=0))
    for line in difference:
        click.echo(line)
    return bool(difference)


def _summary(samples: Iterable[Sample]) -> Iterator[str]:
    for sample in samples:
        numbers = len(sample.counters) + len(sample.gauges) + len(sample.states)
        gone = Counter({part.column: len(part.rows) for part in sample.missing})
        never = [column for column, rows in gone.items() if rows == len(sample.index)]
        yield f"{sample.group}: {len(sample.index)} rows, {numbers} columns" + (
            f"; never answered: {', '.join(never)}" if never else ""
        )


@command.command("new")
@click.option(
    "--walk", "recording", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The recording."
)
@click.option("--name", default="device", help="What to call it.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The file to write [stdout].")
def new(recording: Path, name: str, output: Path | None) -> None:
    """Draft a profile from a recording: the standard tables it has, and a sketch of the vendor's own."""
    session = recorded_session(recording)
    text = draft_profile(session.entries, load_library(()), name)
    if output is None:
        click.echo(text, nl=False)
    elif output.exists():
        fail(f"{output} exists")
    else:
        output.write_text(text, encoding="utf-8")
        click.echo(f"{output}: edit it, then panoptes profile lint {output}", err=True)


@command.command("import")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--from", "source", type=click.Choice(list(SOURCES)), required=True, help="Whose profiles they are.")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="Where to write.")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Where to write what was lost [stdout]."
)
@click.option("--override", is_flag=True, help="Let them come before built-in profiles that fit less exactly.")
def import_(path: Path, source: str, folder: Path, report: Path | None, *, override: bool) -> None:
    """Import profiles of another tool from a file or folder, and report every construct that was lost."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix in ENDINGS[source])
    texts: dict[str, str] = {}
    for file in files:
        try:
            texts[str(file.relative_to(path) if path.is_dir() else file.name)] = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            click.echo(f"{file}: not read ({type(error).__name__})", err=True)
    result = import_texts(source, texts, known=list(load_library(()).profiles), override=override)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in result.profiles.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    lines = [*(f"lost: {loss}" for loss in result.losses), *(f"broken: {problem}" for problem in result.problems)]
    if report is None:
        for line in lines:
            click.echo(line)
    else:
        report.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    _tell(result, folder)
    if result.problems:
        sys.exit(1)


def _tell(result: Result, folder: Path) -> None:
    for extent in Extent:
        files = {file for file, each in result.extents.items() if each is extent}
        why = Counter(loss.what for loss in result.losses if loss.file in files)
        reasons = "; ".join(f"{count} x {reason}" for reason, count in why.most_common(_REASONS))
        click.echo(f"{extent}: {len(files)} files{f': {reasons}' if reasons else ''}", err=True)
    share = 100 * result.good_files / result.files if result.files else 0.0
    click.echo(
        f"{result.good_files} of {result.files} files ({share:.0f} %) as {len(result.profiles)} profiles in {folder};"
        f" {len(result.losses)} constructs lost, {len(result.problems)} problems",
        err=True,
    )


command.add_command(coverage.command)
command.add_command(gaps.command)
