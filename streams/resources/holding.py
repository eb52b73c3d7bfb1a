"""Holds the sightings of a section whose last run failed, since it cannot tell what is gone."""

from collections.abc import Mapping
from typing import Final

from schemas.records import DiscoveryRun

#: a failure of which no run has told for so many intervals is forgotten: the section may be there no more
_INTERVALS: Final = 3
#: after a run that went well again, its sightings get so much time to be merged before what they do not name may end
_GRACE_MS: Final = 60_000

#: until when the sightings of a section are held, Unix milliseconds, by its name
Holds = Mapping[str, int]


def held(holds: Holds, section: str, run: DiscoveryRun | None) -> Holds:
    """Return the holds after a run of a section; None where the section is gone."""
    after = {name: until_ms for name, until_ms in holds.items() if name != section}
    if run is None:
        return after
    if run.failed:
        after[section] = run.ended_at_ms + max(_INTERVALS * run.interval_s * 1000, _GRACE_MS)
    elif section in holds:
        after[section] = min(holds[section], run.ended_at_ms + _GRACE_MS)
    return after
