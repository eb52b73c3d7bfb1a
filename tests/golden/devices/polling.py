"""One poll of a recording by a profile, as `panoptes poll --walk FILE --profile NAME --json` prints it."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pollers.profiles.authoring.present import json_lines
from pollers.profiles.authoring.recording import RecordedSession, read_recording
from pollers.profiles.loading.library import read_library
from pollers.profiles.reading.collect import samples_of
from pollers.profiles.reading.plan import make_plan
from pollers.profiles.reading.poll import read_device
from pollers.profiles.reading.state import DeviceState
from pollers.snmp.values import SnmpTable

LIBRARY: Final = read_library()


def poll_lines(walk: Path, profile: str) -> list[str]:
    session = RecordedSession(read_recording(walk.read_text(encoding="utf-8"), walk.name))
    plan = make_plan(LIBRARY.profiles[profile])
    reading = asyncio.run(read_device(session, DeviceState(plan=plan), 0))
    return list(json_lines(profile, samples_of(plan, reading.frames, reading.clock)))


def poll_rows(walk: Path, profile: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in poll_lines(walk, profile)]


class Counting(RecordedSession):
    """Remembers which columns were walked."""

    walked: list[tuple[str, ...]]

    async def walk(self, columns: Sequence[str]) -> SnmpTable:
        self.walked.append(tuple(columns))
        return await super().walk(columns)


def poll_repeatedly(walk: Path, profile: str, polls: int) -> tuple[list[list[str]], list[list[tuple[str, ...]]]]:
    """Return the lines of each of several polls that remember one another, and the walks that each took."""
    session = Counting(read_recording(walk.read_text(encoding="utf-8"), walk.name))
    plan = make_plan(LIBRARY.profiles[profile])
    state = DeviceState(plan=plan)
    lines, walks = [], []
    for number in range(polls):
        session.walked = []
        reading = asyncio.run(read_device(session, state, number * 60_000))
        state = reading.state
        lines.append(list(json_lines(profile, samples_of(plan, reading.frames, reading.clock))))
        walks.append(session.walked)
    return lines, walks
