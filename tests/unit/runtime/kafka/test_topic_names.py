"""The map's changelogs are those that Faust looks for, and every topic that forgets has its setting."""

import pytest

from streams.pipeline import CHANGELOGS, STAGES, TOPICS, Cleanup, Topic, stage
from streams.runtime.faust.app import StageApp
from streams.runtime.kernel.worker import Worker
from streams.runtime.settings.loading import load
from streams.runtime.settings.topics_section import TopicsSettings


def worker_of(name, tmp_path, zone=""):
    ini = tmp_path / "panoptes.ini"
    ini.write_text(
        f"[panoptes]\ntopic_prefix = lab\nstate_dir = {tmp_path}\n[web]\nbase_port = 0\n[polling]\nzone = {zone}\n"
    )
    return Worker(stage(name), load(ini, {}))


@pytest.mark.parametrize("zone", ["", "dmz"])
@pytest.mark.parametrize("changelog", CHANGELOGS.values(), ids=lambda changelog: changelog.table)
def test_a_changelog_has_the_name_that_faust_gives_it(changelog, zone, tmp_path):
    worker = worker_of(changelog.stage, tmp_path, zone)
    table = worker.table(changelog.table)
    app = StageApp(worker)
    assert app.tables[changelog.table].changelog_topic.get_topic_name() == worker.changelog(table)


@pytest.mark.parametrize(
    ("name", "group", "ticks"),
    [
        ("discovery", "lab-discovery-dmz", "lab.ticks.discovery.dmz"),
        ("enrichment", "lab-enrichment-dmz", "lab.ticks.enrichment.dmz"),
        ("polling", "lab-polling-dmz", "lab.ticks.polling.dmz"),
        ("resources", "lab-resources", None),
        ("gauges", "lab-gauges", None),
    ],
)
def test_what_asks_devices_has_a_group_and_ticks_of_its_zone_and_the_rest_is_shared(name, group, ticks, tmp_path):
    worker = worker_of(name, tmp_path, "dmz")
    assert worker.group == group
    own = stage(name).ticks
    assert (own and worker.context.topic_name(own)) == ticks
    assert worker.context.topic_name(Topic.GAUGES) == "lab.gauges"


def test_every_table_is_of_a_stage():
    assert {changelog.stage for changelog in CHANGELOGS.values()} <= {stage.name for stage in STAGES}


def test_every_topic_that_forgets_has_a_setting_whose_default_is_the_maps():
    forgetting = {topic: spec.retention_s for topic, spec in TOPICS.items() if spec.cleanup is Cleanup.DELETE}
    settings = TopicsSettings()
    assert {topic: settings.retention_s(topic) for topic in forgetting} == forgetting
    assert len(TopicsSettings.model_fields) == len(forgetting)
