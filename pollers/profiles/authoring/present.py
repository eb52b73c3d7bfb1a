"""Formats samples and plans as text and as JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypedDict

from pollers.profiles.model import Profile
from pollers.profiles.reading.state import DeviceState
from pollers.sample import Sample
from pollers.snmp.values import Oid

#: why one poll has no value that is made of rates
NEEDS_TWO_POLLS: Final = "needs-two-polls"


class JsonRow(TypedDict):
    """One row of a sample as JSON."""

    profile: str
    group: str
    row: str
    dimensions: dict[str, str]
    counters: dict[str, int]
    gauges: dict[str, float]
    states: dict[str, str]
    units: dict[str, str]
    missing: dict[str, str]


def json_rows(profile: str, sample: Sample) -> Iterator[JsonRow]:
    """Yield one object per row; counters are raw and unsigned, a missing number is only under `missing`."""
    missing = [{name: str(reason) for name, reason in sample.absent.items()} for _ in sample.index]
    for cells in sample.missing:
        for row in cells.rows:
            missing[row][cells.column] = str(cells.reason)
    for row, key in enumerate(sample.index):
        gone = missing[row] | {derived.name: NEEDS_TWO_POLLS for derived in sample.derived}
        counters = [column for column in sample.counters if column.name not in gone]
        gauges = [column for column in sample.gauges if column.name not in gone]
        yield {
            "profile": profile,
            "group": sample.group,
            "row": key,
            "dimensions": {column.name: column.values[row] for column in sample.dimensions if column.name not in gone},
            "counters": {column.name: column.values[row] % 2**64 for column in counters},
            "gauges": {column.name: _tidy(column.values[row]) for column in gauges},
            "states": {column.name: column.values[row] for column in sample.states if column.name not in gone},
            "units": {column.name: column.unit for column in counters}
            | {column.name: column.unit for column in gauges},
            "missing": gone,
        }


def _tidy(value: float) -> float | int:
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def json_lines(profile: str, samples: Sequence[Sample]) -> Iterator[str]:
    for sample in samples:
        for row in json_rows(profile, sample):
            yield json.dumps(row, ensure_ascii=False)


def text_rows(samples: Sequence[Sample], profile: str) -> Iterator[str]:
    """Yield the samples as lines of text: each group with its rows and values."""
    for sample in samples:
        yield f"{sample.group}: {len(sample.index)} row{'s' if len(sample.index) != 1 else ''}"
        for row in json_rows(profile, sample):
            units = row["units"]
            parts = [f"{name}={value!r}" for name, value in row["dimensions"].items() if value and value != row["row"]]
            parts += [f"{name}={value}" for name, value in row["states"].items()]
            for name, value in (row["gauges"] | row["counters"]).items():
                parts.append(f"{name}={_told(value)} {_unit(units[name])}".rstrip())
            yield f"  {row['row']}: {' '.join(parts)}"
            by_reason: dict[str, list[str]] = {}
            for name, reason in row["missing"].items():
                by_reason.setdefault(reason, []).append(name)
            for reason, names in by_reason.items():
                yield f"    missing ({reason}): {', '.join(names)}"


def _told(value: float) -> str:
    """Return a number as people read it: six digits, but no whole ones cut off; `--json` has them all."""
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return f"{value:,}" if float(value).is_integer() else f"{float(f'{value:.{max(6, whole + 1)}g}'):,}"


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit


def explain_plan(state: DeviceState) -> Iterator[str]:
    """Yield the requests of a poll with known rows, and the columns that it no longer reads."""
    plan, skip = state.plan, state.skip
    names = oid_names(plan.profile)
    scalars = [oid for oid in (*plan.scalars, *plan.slow_scalars) if oid not in skip]
    yield f"GET: sysUpTime, snmpEngineBoots and {len(scalars)} scalars"
    yield from (f"  {oid}  {names.get(oid, '')}" for oid in scalars)
    for walk in plan.walks:
        fast = [oid for oid in walk.fast if oid not in skip]
        slow = [oid for oid in walk.slow if oid not in skip]
        if not fast and not slow:
            continue
        if walk.tables in state.empty:
            yield f"no rows, asked again after ten minutes: {', '.join(walk.tables)}"
            continue
        yield f"GETBULK {', '.join(walk.tables)}: {len(fast)} columns in every poll, {len(slow)} now and then"
        yield from (f"  {oid}  {names.get(oid, '')}" for oid in fast)
        yield from (f"  {oid}  {names.get(oid, '')}  (now and then)" for oid in slow)
    absent = [oid for oid in names if oid in skip]
    if absent:
        yield f"not asked again until the device reboots ({len(absent)}):"
        yield from (f"  {oid}  {names[oid]}" for oid in absent)


def oid_names(profile: Profile) -> Mapping[Oid, str]:
    """Return OID -> `table.column`."""
    return {
        source.oid: f"{table.name}.{column.name}"
        for table in profile.tables.values()
        for column in table.columns.values()
        for source in column.sources
    }
