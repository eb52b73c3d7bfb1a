"""Wiring of the resource manager: sightings in, inventory out; a table holds the sightings."""

from schemas.records import DiscoveryRun, Resource
from streams.pipeline import Topic
from streams.resources.agent_manager import EXPIRE_EVERY_S, Manager, ManagerTopics
from streams.runtime.build import open_worker
from streams.runtime.kernel.latest import Latest
from streams.runtime.kernel.worker import Worker


def build() -> Worker:
    """Return a worker of the stage."""
    worker = open_worker("resources")
    manage(worker)
    return worker


def manage(worker: Worker) -> Manager:
    """Make the worker merge sightings into the inventory, and remove expired resources."""
    context = worker.context
    manager = Manager(
        worker.table("known-resources"),
        sightings=context.serdes.of(Topic.RESOURCES, Resource),
        inventory=context.serdes.of(Topic.INVENTORY, Resource),
        topics=ManagerTopics(context.topic_name(Topic.RESOURCES), context.topic_name(Topic.INVENTORY)),
        precedence=context.settings.resources.precedence,
        now_ms=context.now_ms,
    )
    manager.runs = Latest(worker, Topic.DISCOVERY_RUNS, DiscoveryRun)
    worker.lifecycle.register(manager)
    manager.fold = worker.fold([Topic.RESOURCES], manager.step, manager.table)
    worker.every(EXPIRE_EVERY_S, "expire", manager.expire)
    context.metrics.gauge(
        "sections_held", "discovery sections whose sightings do not expire: their last run failed", manager.held
    )
    context.metrics.gauge("resources_known", "resources in the inventory of this worker's partitions", manager.known)
    context.metrics.counter(
        "entries_set_aside", "entries of the table that could not be read", lambda: manager.set_aside
    )
    return manager
