"""Which sink a worker serves, and where a new one begins."""

from pathlib import Path

import pytest

from streams.runtime.settings.loading import Settings, SettingsError, load
from streams.sinks.agent import NoSink, chosen, since

ONE = "[sink:store]\nplugin = jsonl\n"
TWO = f"{ONE}[sink:lines]\nplugin = jsonl\n"


def settings(folder: Path, ini: str) -> Settings:
    path = folder / "panoptes.ini"
    path.write_text(ini)
    return load(path, {})


@pytest.mark.parametrize(
    ("ini", "name", "expected"),
    [
        pytest.param(ONE, "", "store", id="the-only-one"),
        pytest.param(TWO, "lines", "lines", id="by-name"),
        pytest.param(f"{TWO}enabled = false\n", "", "store", id="the-only-one-that-is-on"),
    ],
)
def test_a_worker_serves_one_section(tmp_path, ini, name, expected):
    assert chosen(settings(tmp_path, ini), name).name == expected


@pytest.mark.parametrize(
    ("ini", "name", "why"),
    [
        pytest.param(TWO, "", "one of lines, store", id="which"),
        pytest.param(TWO, "lime", r"an enabled sink \(lines, store\), found 'lime'", id="unknown"),
        pytest.param("", "store", r"\(none\), found 'store'", id="none-at-all"),
    ],
)
def test_a_name_that_is_none_is_told(tmp_path, ini, name, why):
    with pytest.raises(SettingsError, match=why):
        chosen(settings(tmp_path, ini), name)


def test_without_a_sink_there_is_nothing_to_do(tmp_path):
    with pytest.raises(NoSink, match="nothing to do"):
        chosen(settings(tmp_path, ""), "")


def test_a_start_is_a_word_or_a_time(monkeypatch):
    monkeypatch.setattr("streams.sinks.agent.now_ms", lambda: 1_000_000_000)
    assert [since("now"), since("earliest"), since("24h")] == ["now", "earliest", 1_000_000_000 - 86_400_000]
