"""A scalar that the device has, but that cannot be read: missing with its own word, and asked for again."""

import pytest

from pollers.profiles.reading.collect import samples_of
from pollers.profiles.reading.plan import make_plan
from tests.unit.profiles.bench import ROOT, library_of, read, session_of

LIBRARY = library_of(
    f"""\
    profile: p
    scalars:
      s: {{columns: {{load: {{first_of: [{ROOT}.1.0, {ROOT}.2.0]}}, heat: {{oid: {ROOT}.3.0}}}}}}
    emit: {{s: s}}
    """
)
PLAN = make_plan(LIBRARY.profiles["p"])
BAD = "255|"


@pytest.mark.parametrize(
    ("first", "second", "load", "missing"),
    [
        pytest.param(BAD, "2|7", 7.0, None, id="the-second-source-steps-in"),
        pytest.param("2|5", BAD, 5.0, None, id="the-first-source-is-good"),
        pytest.param(BAD, BAD, None, "bad-value", id="no-source-can-be-read"),
    ],
)
def test_a_value_that_cannot_be_read_is_missing_and_asked_for_again(
    first: str, second: str, load: float | None, missing: str | None
) -> None:
    lines = f"1.3.6.1.2.1.1.3.0|67|500\n#.1.0|{first}\n#.2.0|{second}\n#.3.0|2|40\n"
    reading = read(LIBRARY, session_of(lines), "p", None, 0)
    (sample,) = samples_of(PLAN, reading.frames, reading.clock)
    gauge = next((column for column in sample.gauges if column.name == "load"), None)
    cells = {cell.column: cell.reason for cell in sample.missing}
    assert cells.get("load") == missing
    assert missing or (gauge is not None and gauge.values == [load])
    bad = {f"{ROOT}.{place}.0" for place, value in ((1, first), (2, second)) if value == BAD}
    assert not reading.state.skip & bad or load == 5.0  # behind a good source it is superfluous
