"""Every recording gives exactly the samples that were reviewed: `<recording>.jsonl` beside this file.

After a change that is meant, write them anew with `python -m tests.golden.devices.update` and review the difference.
"""

from pathlib import Path

import pytest

from tests.golden.devices.polling import poll_lines, poll_repeatedly
from tests.golden.devices.recordings import RECORDINGS, recording

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recorded_device_gives_the_reviewed_samples(name: str):
    lines = poll_lines(recording(name) / "walk.snmprec", RECORDINGS[name])
    assert lines == (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()


def test_every_golden_belongs_to_a_recording():
    assert {path.stem for path in HERE.glob("*.jsonl")} == set(RECORDINGS)


@pytest.mark.parametrize("name", RECORDINGS)
def test_what_is_learnt_and_remembered_changes_no_sample_and_spares_requests(name: str):
    lines, walks = poll_repeatedly(recording(name) / "walk.snmprec", RECORDINGS[name], 4)
    assert lines[1] == lines[0]
    assert lines[2] == lines[0]
    assert lines[3] == lines[0]
    assert walks[1] == walks[2] == walks[3]
    assert sum(map(len, walks[1])) < sum(map(len, walks[0]))
