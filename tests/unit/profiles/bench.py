"""A small bench for profiles: YAML and a recording in, samples out."""

import asyncio
from textwrap import dedent
from typing import Any

from pollers.profiles.authoring.present import json_rows
from pollers.profiles.authoring.recording import RecordedSession, read_recording
from pollers.profiles.loading.library import Library, build_library, read_document
from pollers.profiles.reading.collect import samples_of
from pollers.profiles.reading.plan import make_plan
from pollers.profiles.reading.poll import Reading, read_device
from pollers.profiles.reading.state import DeviceState
from pollers.sample import Sample
from pollers.snmp.client import Session

ROOT = "1.3.6.1.4.1.99999"


def library_of(*texts: str) -> Library:
    return build_library([read_document(dedent(text), f"p{number}.yaml") for number, text in enumerate(texts)])


def session_of(lines: str) -> RecordedSession:
    """Return a session; in each line `#` stands for the enterprise's OID."""
    return RecordedSession(read_recording(dedent(lines).strip().replace("#", ROOT), "bench"))


def read(
    library: Library, session: Session, name: str = "p", state: DeviceState | None = None, at_ms: int = 0
) -> Reading:
    plan = make_plan(library.profiles[name])
    return asyncio.run(read_device(session, state or DeviceState(plan=plan), at_ms))


def samples(profile: str, lines: str, name: str = "p") -> list[Sample]:
    library = library_of(profile.replace("#", ROOT))
    assert library.problems == ()
    reading = read(library, session_of(lines), name)
    return samples_of(make_plan(library.profiles[name]), reading.frames, reading.clock)


def rows(profile: str, lines: str, name: str = "p") -> list[dict[str, Any]]:
    return [row for sample in samples(profile, lines, name) for row in json_rows(name, sample)]


def problems(*texts: str) -> list[str]:
    return [str(problem) for problem in library_of(*(text.replace("#", ROOT) for text in texts)).problems]
