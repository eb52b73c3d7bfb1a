"""Wiring of the polling stage: enriched resources in; at each slot, counters and a status out."""

from typing import Any

from pollers.plugins.base import Kind
from schemas.records import EnrichedResource
from streams.pipeline import Topic, stage
from streams.polling.agent_asking import MARGIN_S
from streams.polling.agent_poller import Poller
from streams.runtime.build import stage_app
from streams.runtime.faust.app import StageApp
from streams.runtime.kernel.folding import fold_topic
from streams.runtime.ops.long_lived import keep_setting_aside
from streams.runtime.schedule.stage_schedule import StageSchedule
from streams.runtime.snmp import open_plugins


def build() -> StageApp:
    """Return the app of the stage."""
    app = stage_app(stage("polling"))
    plugins = open_plugins(app).of(Kind.POLLING)
    poller = Poller(app, plugins)
    serde = app.serdes.of(Topic.ENRICHED_RESOURCES, EnrichedResource)

    async def resources(stream: Any) -> None:
        await fold_topic(app, stream, serde, poller.table, poller.take)

    async def sweep() -> None:  # Faust asks for its signature, and a compiled method does not tell
        await poller.turns.sweep()

    app.agent(app.input_topic(Topic.ENRICHED_RESOURCES), name="polling.resources")(resources)
    longest = max((plugin.section.interval_s for plugin in plugins), default=60)
    StageSchedule(app, poller.run, longest_interval_s=longest)
    app.longest_work_s = longest + 2 * MARGIN_S
    app.task(sweep)
    app.task(keep_setting_aside)
    return app
