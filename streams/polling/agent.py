"""Wiring of the polling stage: enriched resources in; at each slot, counters and a status out."""

from streams.pipeline import Topic
from streams.polling.agent_poller import MARGIN_S, Poller
from streams.runtime.build import open_worker
from streams.runtime.kernel.worker import Worker
from streams.runtime.ops.long_lived import keep_setting_aside
from streams.runtime.schedule.stage_schedule import StageSchedule
from streams.runtime.snmp import open_plugins


def build() -> Worker:
    """Return a worker of the stage."""
    worker = open_worker("polling")
    poller = Poller(worker.context, worker.table("to-poll"), open_plugins(worker))
    worker.lifecycle.register(poller.schedules)
    worker.lifecycle.register(poller)
    worker.fold([Topic.ENRICHED_RESOURCES], poller.step, poller.table)
    longest = max((plugin.section.interval_s for plugin in poller.plugins), default=60)
    StageSchedule(worker, poller.run, longest_interval_s=longest)
    worker.longest_work_s = longest + 2 * MARGIN_S
    worker.run("sweep", poller.turns.sweep)
    worker.run("set-aside", keep_setting_aside)
    return worker
