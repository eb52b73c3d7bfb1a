"""Sections of sinks: what they are given, which rows, and from when on."""

from pathlib import Path

import pytest

from pollers.plugins.base import Kind
from pollers.plugins.registry import available
from streams.runtime.settings.loading import examine, load
from streams.runtime.settings.pages import show
from streams.runtime.settings.plugin_sections import SinkSection


@pytest.fixture
def file(tmp_path):
    return tmp_path / "panoptes.ini"


def section(file: Path, text: str) -> SinkSection:
    file.write_text(f"[sink:store]\nplugin = prometheus-remote-write\nurl = http://127.0.0.1:8428\n{text}")
    (found,) = load(file, {}).plugins(Kind.SINK)
    assert isinstance(found, SinkSection)
    return found


def test_there_is_no_sink_unless_one_is_configured(file):
    file.write_text("")
    assert load(file, {}).plugins(Kind.SINK) == []


def test_a_sink_is_given_gauges_from_now_on_unless_it_says_otherwise(file):
    found = section(file, "")
    assert (found.topics, found.rows, found.filter, found.start) == (("gauges",), "", "", "now")
    assert dict(found.options) == {"url": "http://127.0.0.1:8428"}


def test_topics_rows_filter_and_start_are_the_sections_own(file):
    found = section(
        file,
        "topics = gauges, poll-status\nrows = NOT row LIKE 'veth%'\nfilter = resource_site = 'fra1'\nstart = 24h\n",
    )
    assert found.topics == ("gauges", "poll-status")
    assert (found.rows, found.filter, found.start) == ("NOT row LIKE 'veth%'", "resource_site = 'fra1'", "24h")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param(
            "topics = gauges, ticks", "topics: expected one or more of gauges, poll-status, raw-counters", id="topic"
        ),
        pytest.param("topics =", "topics: expected one or more of", id="no-topic"),
        pytest.param("start = yesterday", "start: expected now, earliest, or how far back", id="start"),
        pytest.param("rows = colour = 'red'", "rows: expected a field (group, row, job, dimension.<label>)", id="rows"),
        pytest.param("filter = facts.version = '1'", "what enrichment found changes", id="facts"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line(file, line, told):
    file.write_text(f"[sink:store]\nplugin = jsonl\n{line}\n")
    (problem,) = examine(file, {}).problems
    assert problem.startswith(f"{file}:3: [sink:store] ")
    assert told in problem


def test_a_polling_section_keeps_rows_as_an_option_of_its_plugin(file):
    file.write_text("[polling:mine]\nplugin = snmp\nrows = 7\n")
    (found,) = load(file, {}).plugins(Kind.POLLING)
    assert dict(found.options) == {"rows": "7"}


def test_a_sink_is_shown_with_its_settings_and_without_its_password(file):
    file.write_text(
        "[sink:store]\nplugin = influx\nurl = http://a\nusername = u\npassword = hunter2\nrows = row = 'x'\n"
    )
    shown = show(load(file, {}))
    assert "rows = row = 'x'\nstart = now\n" in shown
    assert "password = <secret>" in shown
    assert "hunter2" not in shown


def test_the_built_in_sinks_are_installed_like_any_other():
    assert set(available(Kind.SINK)) >= {"influx", "jsonl", "otlp", "prometheus-remote-write"}
