"""The real poller with its real Avro, in a worker on nothing but memory."""

from collections import defaultdict
from types import SimpleNamespace

from pollers.plugins.base import Poll
from schemas.records import EnrichedResource, Job, Outcome, PollStatus, Resource
from streams.pipeline import Topic
from streams.polling.agent_poller import Poller
from streams.polling.resource_state import compressed
from streams.runtime.kernel.effects import Write
from streams.runtime.plugins import Installed
from tests.unit.runtime.kernel_fakes import FakeWorker, settings_with

JOB = Job(plugin="ping", profile="", interval_s=60)
MAX_BYTES = 300_000  #: what a topic takes
SUCCESS = Poll(outcome=Outcome.SUCCESS)
RAW, STATUS = f"panoptes.{Topic.RAW_COUNTERS}", f"panoptes.{Topic.POLL_STATUS}"


class App(FakeWorker):
    """A worker of the stage."""

    def __init__(self, room=1_000):
        super().__init__("polling", settings_with("polling", max_polls_in_flight=room))
        self.sent.largest = MAX_BYTES

    def statuses(self):
        serde = self.context.serdes.of(Topic.POLL_STATUS, PollStatus)
        return [serde.decode(value) for value in self.sent.values(STATUS)]


class ContextAt:
    """A context in which a test says where a key belongs."""

    def __init__(self, context, partition_of):
        self._context = context
        self.partition_of = partition_of

    def __getattr__(self, name):
        return getattr(self._context, name)


class Plugin:
    """Answers as it is told, and counts how often each resource was polled."""

    def __init__(self, answer=lambda _resource: SUCCESS):
        self.polls = defaultdict(int)
        self._answer = answer

    async def poll(self, enriched, _job, _slot):
        self.polls[enriched.resource.resource_id] += 1
        return self._answer(enriched.resource.resource_id)


def resource(resource_id, jobs=(JOB,)):
    device = Resource(
        site="lab", resource_class="network", resource_subclass="switch", resource_type="sim", resource_id=resource_id,
        endpoint="192.0.2.1", plugins=("file",), first_seen_ms=0, last_seen_ms=0,
    )  # fmt: skip
    return EnrichedResource(resource=device, enrichments={}, jobs=jobs, jobs_since_ms=0)


async def polling(plugin, resources, app=None, partition_of=lambda _key: 0):
    """Return a poller whose table has the resources, and its worker, which has their partitions."""
    app = app or App()
    section = SimpleNamespace(name="ping", interval_s=60)
    table = app.table("to-poll")
    installed = [Installed(section, lambda _resource: True, plugin)]
    plugins = SimpleNamespace(of=lambda _kind: installed, know=lambda _known: None)
    poller = Poller(ContextAt(app.context, partition_of), table, plugins)
    app.lifecycle.register(poller.schedules)
    app.lifecycle.register(poller)
    app.fold([Topic.ENRICHED_RESOURCES], poller.step, table)
    await app.context.serdes.register()
    serde = app.context.serdes.of(Topic.ENRICHED_RESOURCES, EnrichedResource)
    for each in resources:
        key = each.resource.identity
        table.store(partition_of(key), [Write(key.encode(), compressed(serde.encode(each)))])
    await app.own(*range(app.context.settings.kafka.partitions))
    return poller, app
