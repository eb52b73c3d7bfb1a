"""The configuration's page and example are made from the settings, current, and hide every secret."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli.operating import config
from streams.runtime.settings.example import example
from streams.runtime.settings.loading import SECTIONS, Settings, load
from streams.runtime.settings.pages import page, show
from streams.runtime.settings.plugin_sections import PLUGIN_KEYS
from streams.runtime.settings.rule_sections import RULES

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(("path", "text"), [("docs/configuration.md", page()), ("examples/panoptes.ini", example())])
def test_the_committed_page_and_example_are_current(path, text):
    assert (ROOT / path).read_text(encoding="utf-8") == text, "run `panoptes config docs`"


def test_the_page_has_every_setting():
    for name, model in SECTIONS.items():
        part = page().split(f"## [{name}]")[1].split("\n## ")[0]
        for key in model.model_fields:
            assert f"| `{key}` |" in part


def test_every_table_has_as_many_cells_in_each_row_and_the_last_says_when_a_change_takes_effect():
    tables = re.findall(r"(?:^\|.*\|\n)+", page(), re.MULTILINE)
    assert len(tables) == len(SECTIONS) + 2 + len(RULES)
    for table in tables:
        head, _, *rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()]
        assert {len(cells) for cells in (head, _, *rows)} == {5}
        assert head[-1] == "takes effect"
        assert {cells[-1] for cells in rows} <= {"restart", "hot"}


def test_the_example_loads_and_holds_the_defaults():
    settings = load(ROOT / "examples" / "panoptes.ini", {})
    assert settings.model_copy(update={"plugin_sections": ()}) == Settings(plugin_sections=())
    assert [section.title for section in settings.plugin_sections] == [
        section.title for section in Settings().plugin_sections
    ]


def test_the_example_names_every_setting_and_loads_with_all_of_them_set(tmp_path):
    text = re.sub(r"^#(\w+ =)", r"\1", example(), flags=re.MULTILINE)
    path = tmp_path / "panoptes.ini"
    path.write_text(text, encoding="utf-8")
    assert load(path, {}) == load(ROOT / "examples" / "panoptes.ini", {}).model_copy(
        update={"plugin_sections": load(path, {}).plugin_sections}
    )
    for name, model in SECTIONS.items():
        part = text.split(f"\n[{name}]\n")[1].split("\n[")[0]
        assert re.findall(r"^(\w+) =", part, re.MULTILINE) == list(model.model_fields)
    assert all(f"\n{key} = " in text for key in PLUGIN_KEYS)


def test_what_is_shown_loads_again_as_the_same_settings(tmp_path):
    path = tmp_path / "panoptes.ini"
    path.write_text(show(Settings()).replace("<secret>", "redis://localhost:6379/0"), encoding="utf-8")
    again = load(path, {})
    assert again.model_copy(update={"plugin_sections": ()}) == Settings(plugin_sections=())
    assert [section.options for section in again.plugin_sections] == [
        section.options for section in Settings().plugin_sections
    ]


def test_what_is_shown_has_no_secret(tmp_path):
    path = tmp_path / "panoptes.ini"
    path.write_text(
        "[kafka]\nsasl_password = hunter2\n[redis]\nurl = redis://:hunter2@h\n[registry]\npassword = hunter2\n"
        "[polling:api]\nplugin = x\napi_key = hunter2\ntoken = hunter2\nhost = h\n",
        encoding="utf-8",
    )
    result = CliRunner().invoke(config.command, ["show", "--config", str(path)])
    assert result.exit_code == 0
    assert "hunter2" not in result.output
    assert result.output.count("<secret>") == 5
    assert "host = h\n" in result.output


def test_check_exits_with_0_for_the_example():
    result = CliRunner().invoke(config.command, ["check", "--config", str(ROOT / "examples" / "panoptes.ini")])
    assert result.exit_code == 0
    assert result.output.startswith("the configuration is good: 5 plugin sections in use\n")


def test_check_names_every_option_that_a_plugin_cannot_use_and_exits_with_2(tmp_path):
    path = tmp_path / "panoptes.ini"
    path.write_text(
        "[discovery:a]\nplugin = from-file\n[discovery:b]\nplugin = from-flie\n"
        "[polling:c]\nplugin = snmp\nflavour = x\n",
        encoding="utf-8",
    )
    result = CliRunner().invoke(config.command, ["check", "--config", str(path)])
    assert result.exit_code == 2
    assert f"{path}:1: [discovery:a] path: " in result.output
    assert f"{path}:4: [discovery:b] plugin: expected one of the installed discovery plugins" in result.output
    assert f"{path}:7: [polling:c] flavour: " in result.output


def test_check_names_the_faults_of_sections_and_of_every_plugin_at_once(tmp_path):
    path = tmp_path / "panoptes.ini"
    path.write_text(
        "[kafka]\npartitions = abc\nmin_insync_replicas = 3\n[polling:x]\nplugin = nosuch\n"
        "[polling:y]\nplugin = snmp\nfilter = resource_site =\ninterval_s = 0\nflavour = x\nenabled = false\n",
        encoding="utf-8",
    )
    result = CliRunner().invoke(config.command, ["check", "--config", str(path)])
    assert result.exit_code == 2
    starts = (
        f"{path}:2: [kafka] partitions: ",
        f"{path}:3: [kafka] min_insync_replicas: ",
        f"{path}:5: [polling:x] plugin: expected one of the installed polling plugins",
        f"{path}:8: [polling:y] filter: ",
        f"{path}:9: [polling:y] interval_s: ",
        f"{path}:10: [polling:y] flavour: ",
    )
    for start in starts:
        assert f"\n{start}" in f"\n{result.output}"
    assert result.output.count(f"{path}:") == len(starts)


def test_check_names_wrong_settings_and_exits_with_2(tmp_path):
    path = tmp_path / "panoptes.ini"
    path.write_text("[kafka]\npartitions = 0\nreplicas = 3\n", encoding="utf-8")
    result = CliRunner().invoke(config.command, ["check", "--config", str(path)])
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 2


def test_docs_writes_both_files(tmp_path):
    for folder in ("docs", "examples"):
        (tmp_path / folder).mkdir()
    assert CliRunner().invoke(config.command, ["docs", "--root", str(tmp_path)]).exit_code == 0
    assert (tmp_path / "docs" / "configuration.md").read_text(encoding="utf-8") == page()
    assert (tmp_path / "examples" / "panoptes.ini").read_text(encoding="utf-8") == example()
