"""Checks ZooKeeper: reachable, and a leader for each stage that needs one."""

import asyncio

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, NoNodeError

from streams.pipeline import STAGES
from streams.runtime.doctor.findings import Finding, fault, ok, warning
from streams.runtime.kafka.topic_names import group_name
from streams.runtime.schedule.leadership import node_of_leader
from streams.runtime.schedule.stage_schedule import leader_path
from streams.runtime.schedule.zookeeper import session
from streams.runtime.settings.loading import Settings

#: stages whose workers elect one: those with a schedule, and the one that folds what all devices say
_ELECT = [stage.name for stage in STAGES if stage.ticks is not None or stage.name == "topology"]


async def look(settings: Settings, timeout_s: float) -> list[Finding]:
    """Return the findings; never raises for ZooKeeper's errors."""
    return await asyncio.to_thread(_look, settings, timeout_s)


def _look(settings: Settings, timeout_s: float) -> list[Finding]:
    client = session(settings.zookeeper)
    hosts = settings.zookeeper.hosts
    try:
        if not client.start_async().wait(timeout_s):
            return [
                fault("zookeeper", f"{hosts}: no session within {timeout_s:g} s", "start it, or set [zookeeper] hosts")
            ]
        return [ok("zookeeper", f"{hosts} answers"), *(_leader(client, settings, stage, timeout_s) for stage in _ELECT)]
    except (KazooException, client.handler.timeout_exception, OSError) as problem:
        return [fault("zookeeper", f"{hosts}: {problem!r}", "see its log, and [zookeeper] in the settings")]
    finally:
        client.stop()
        client.close()


def _leader(client: KazooClient, settings: Settings, stage: str, timeout_s: float) -> Finding:
    path = leader_path(settings, group_name(settings, stage))
    try:
        node = node_of_leader(client.get_children_async(path).get(timeout=timeout_s))
        if node is not None:
            who, _ = client.get_async(f"{path}/{node}").get(timeout=timeout_s)
            return ok("leader", f"{stage}: {who.decode(errors='replace')}")
    except NoNodeError:
        pass  # nobody ever campaigned, or the leader has just gone
    return warning("leader", f"{stage}: nobody leads", f"start a worker: faust -A streams.{stage} worker")
