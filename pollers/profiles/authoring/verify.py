"""Compares a profile with a recording: the types on the wire against those that its columns declare."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pollers.profiles.authoring.recording import Entry
from pollers.profiles.model import As, ColumnSpec, Profile, Use
from pollers.sample import Sample
from pollers.snmp.values import Oid, Type

_COUNTERS = frozenset({Type.COUNTER32, Type.COUNTER64})
_TEXTS = frozenset({Type.OCTET_STRING})


#: how texts end that tell a state beside a name, such as "SW#1, Sensor#1, YELLOW" and "PS1 Normal"
_STATE: Final = re.compile(
    r"(?i)[ ,:(](normal|ok|good|bad|green|yellow|red|warning|critical|fault|faulty|failed|failure|shutdown|"
    r"not ?present|not ?functioning|absent)\W*\Z"
)


def key_hints(samples: Sequence[Sample]) -> Iterator[str]:
    """Yield the groups whose rows seem to be keyed by a state, which changes."""
    for sample in samples:
        key = next((key for key in sample.index if _STATE.search(key)), None)
        if key is not None:
            yield f"{sample.group}: the key {key!r} seems to hold a state: take it out by `extract`"


def hints(profile: Profile, entries: Sequence[Entry]) -> Iterator[str]:
    """Yield what a profile's author should check again, one line each."""
    kinds = _kinds(profile, entries)
    for table in profile.tables.values():
        for column in table.columns.values():
            for source in column.sources:
                found = kinds.get(source.oid)
                if found and (hint := _hint(column, found)):
                    yield f"{table.name}.{column.name} ({source.oid}): {hint}"


def _kinds(profile: Profile, entries: Sequence[Entry]) -> dict[Oid, set[Type]]:
    wanted = {
        source.oid
        for table in profile.tables.values()
        for column in table.columns.values()
        for source in column.sources
    }
    found: dict[Oid, set[Type]] = {}
    for oid, value in entries:
        place = oid
        while place and place not in wanted:
            place = place.rpartition(".")[0]
        if place:
            found.setdefault(place, set()).add(value.type)
    return found


def _hint(column: ColumnSpec, kinds: set[Type]) -> str | None:
    if column.use is Use.GAUGE and kinds <= _COUNTERS:
        return "the device sends a counter: use: counter makes a rate of it"
    if column.use is Use.COUNTER and not kinds <= _COUNTERS:
        return f"the device sends {', '.join(sorted(kind.name for kind in kinds))}, no counter"
    if column.use is Use.GAUGE and kinds <= _TEXTS and column.read_as is As.AUTO and column.extract is None:
        return "the device sends text: use: tag, as: number, or extract"
    return None
