"""Compares a poll of a walk with the rows that a YAML file beside it expects."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from pollers.profiles.authoring.present import json_rows
from pollers.profiles.authoring.recorded_lines import RecordingError, read_lines
from pollers.profiles.authoring.recording import RecordedSession
from pollers.profiles.loading.library import Library
from pollers.profiles.match import best_profile
from pollers.profiles.reading.collect import samples_of
from pollers.profiles.reading.plan import make_plan
from pollers.profiles.reading.poll import read_device
from pollers.profiles.reading.state import DeviceState
from schemas.errors import PanoptesError

Cells: TypeAlias = Mapping[str, object]
_KEYS = frozenset({"profile", "sys_object_ids", "sys_descr", "walk", "rows"})


class ExpectedError(PanoptesError):
    """A file of expected rows is invalid; the text names the file."""


@dataclass(frozen=True, slots=True)
class Expected:
    profile: str
    sys_object_ids: tuple[str, ...]  #: each of them is to choose the profile
    sys_descr: str  #: which it takes besides
    walk: str
    rows: Mapping[str, Mapping[str, Cells]]  #: by group and row, every value


def read_expected(path: Path) -> Expected:
    """Read the expectations in a YAML file: `profile`, `walk` (lines, or the name of a file beside it) and `rows`.

    Raises ExpectedError.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not {"profile", "walk", "rows"} <= found.keys() <= _KEYS:
            raise ExpectedError(f"{path}: expected the keys profile, walk, rows, and sys_object_ids or sys_descr")
        walk = str(found["walk"])
        if "\n" not in walk:
            walk = (path.parent / walk).read_text(encoding="utf-8", errors="surrogateescape")
        rows = {
            str(group): {str(row): dict(cells or {}) for row, cells in (each or {}).items()}
            for group, each in (found["rows"] or {}).items()
        }
        ids = tuple(map(str, found.get("sys_object_ids") or ()))
        return Expected(str(found["profile"]), ids, str(found.get("sys_descr", "")), walk, rows)
    except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise ExpectedError(f"{path}: {error}") from error


async def differences(expected: Expected, library: Library) -> list[str]:
    """Return the differences between found and expected rows; interfaces count only where some are expected."""
    if expected.profile not in library.profiles:
        return [f"no profile {expected.profile!r}"]
    told: list[str] = []
    for oid in expected.sys_object_ids:
        chosen = best_profile(library.profiles.values(), oid, expected.sys_descr)
        if chosen != expected.profile:
            told.append(f"sysObjectID {oid}: {chosen} is taken, expected {expected.profile}")
    try:
        entries = read_lines(expected.walk, "walk").entries
    except RecordingError as error:
        return [*told, str(error)]
    profile = library.profiles[expected.profile]
    plan = make_plan(profile)
    reading = await read_device(RecordedSession(entries), DeviceState(plan=plan), 0)
    found: dict[str, dict[str, Cells]] = {}
    for sample in samples_of(plan, reading.frames, reading.clock):
        rows = found.setdefault(sample.group, {})
        for row in json_rows(expected.profile, sample):
            rows[row["row"]] = {**row["gauges"], **row["states"], **row["counters"]}
    for group in sorted({*found, *expected.rows}):
        if group == "interface" and group not in expected.rows:
            continue
        told += _in_group(group, found.get(group, {}), expected.rows.get(group, {}))
    return told


def _in_group(group: str, found: Mapping[str, Cells], expected: Mapping[str, Cells]) -> Iterator[str]:
    for row in sorted({*found, *expected}):
        here, wanted = found.get(row), expected.get(row)
        if here != wanted:
            yield f"{group} {row}: found {_said(here)}, expected {_said(wanted)}"


def _said(cells: Cells | None) -> str:
    return "no such row" if cells is None else str(dict(cells))
