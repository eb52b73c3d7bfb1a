"""The map's changelogs are those that Faust looks for, and every topic that forgets has its setting."""

import pytest

from streams.pipeline import CHANGELOGS, STAGES, TOPICS, Cleanup, stage
from streams.runtime.faust.app import StageApp
from streams.runtime.kafka.topic_names import changelog_name
from streams.runtime.settings.loading import load
from streams.runtime.settings.topics_section import TopicsSettings


@pytest.mark.parametrize("changelog", CHANGELOGS.values(), ids=lambda changelog: changelog.table)
def test_a_changelog_has_the_name_that_faust_gives_it(changelog, tmp_path):
    ini = tmp_path / "panoptes.ini"
    ini.write_text(f"[panoptes]\ntopic_prefix = lab\nstate_dir = {tmp_path}\n[web]\nbase_port = 0\n")
    app = StageApp(stage(changelog.stage), load(ini, {}))
    table = app.bytes_table(changelog.table)
    assert table.changelog_topic.get_topic_name() == changelog_name(app.settings, changelog)


def test_every_table_is_of_a_stage():
    assert {changelog.stage for changelog in CHANGELOGS.values()} <= {stage.name for stage in STAGES}


def test_every_topic_that_forgets_has_a_setting_whose_default_is_the_maps():
    forgetting = {topic: spec.retention_s for topic, spec in TOPICS.items() if spec.cleanup is Cleanup.DELETE}
    settings = TopicsSettings()
    assert {topic: settings.retention_s(topic) for topic in forgetting} == forgetting
    assert len(TopicsSettings.model_fields) == len(forgetting)
