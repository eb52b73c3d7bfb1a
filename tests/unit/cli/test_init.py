"""`panoptes init` writes what `panoptes config check` finds good, and never over what is there."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from pollers.plugins.registry import make
from streams.cli import main
from streams.runtime.settings.check import plugin_problems
from streams.runtime.settings.loading import examine
from streams.runtime.settings.starts import Start

#: what somebody else gives: certificates and passwords
GIVEN = {"PANOPTES_KAFKA_SASL_USERNAME": "panoptes-polling", "PANOPTES_KAFKA_SASL_PASSWORD": "x"}


@pytest.mark.parametrize("start", list(Start))
def test_a_configuration_to_begin_with_is_good(start, tmp_path, monkeypatch):
    said = CliRunner().invoke(main, ["init", "--start", start.value, str(tmp_path / "new")])
    assert said.exit_code == 0, said.output
    folder = tmp_path / "new"
    assert {path.name for path in folder.iterdir()} == {"panoptes.ini", "devices.yaml", "Procfile"}
    monkeypatch.chdir(folder)
    Path("ca.pem").write_text("the authority's")
    settings, problems = examine(None, GIVEN if start is Start.SECURED else {})
    assert [*problems, *plugin_problems(settings, make)] == []
    assert [section.title for section in settings.plugin_sections] == [
        "discovery:devices",
        *(f"enrichment:{name}" for name in ("device", "interfaces", "neighbours")),
        "polling:interfaces",
    ]


def test_a_secured_start_has_no_password_in_a_file(tmp_path):
    CliRunner().invoke(main, ["init", "--start", "secured", str(tmp_path)])
    text = (tmp_path / "panoptes.ini").read_text()
    assert [line for line in text.splitlines() if "password" in line.lower() and not line.startswith("#")] == []
    settings = examine(tmp_path / "panoptes.ini", GIVEN).settings
    assert settings.kafka.security_protocol == "SASL_SSL"
    assert settings.redis.url.reveal().startswith("rediss://")
    assert settings.redis.require_encrypted


def test_what_is_there_stays(tmp_path):
    (tmp_path / "devices.yaml").write_text("mine")
    said = CliRunner().invoke(main, ["init", "--start", "local", str(tmp_path)])
    assert said.exit_code == 1
    assert "devices.yaml in" in said.output
    assert [path.name for path in tmp_path.iterdir()] == ["devices.yaml"]
    assert (tmp_path / "devices.yaml").read_text() == "mine"


def test_a_folder_that_cannot_be_written_gets_a_line(tmp_path):
    (tmp_path / "file").write_text("")
    said = CliRunner().invoke(main, ["init", "--start", "local", str(tmp_path / "file" / "new")])
    assert said.exit_code == 1
    assert "cannot be written" in said.output
