"""The real poller with its real Avro, without Kafka, Faust and a registry: a table is a dict, what is sent is kept."""

import asyncio
from collections import defaultdict
from types import SimpleNamespace

from pollers.plugins.base import Poll
from schemas.errors import RecordError
from schemas.records import EnrichedResource, Job, Outcome, PollStatus, Resource
from streams.pipeline import Topic
from streams.polling.agent_poller import Poller
from streams.polling.held import packed
from streams.runtime.ops.metrics import Metrics
from streams.runtime.plugins import Installed
from streams.runtime.registry.serde import Serdes
from streams.runtime.kernel.tenure import Tenure
from streams.runtime.settings.sections import KafkaSettings

JOB = Job(plugin="ping", profile="", interval_s=60)
MAX_BYTES = 300_000  #: what a topic takes
SUCCESS = Poll(outcome=Outcome.SUCCESS)


class Registry:
    """Knows every schema under one id."""

    async def id_for(self, _subject, _text):
        return 1

    async def ids_of(self, _subject):
        return []


class Outbox:
    def __init__(self):
        self.sent = defaultdict(list)
        self.fault = None
        self.waits = asyncio.Event()  #: something waits to be stored
        self._held = {}

    def hold(self, topic):
        """Let nothing of a topic be stored until the event that this returns is set."""
        return self._held.setdefault(topic, asyncio.Event())

    async def send(self, topic, key, value, partition=None):
        if self.fault is not None:
            raise self.fault
        if len(value) > MAX_BYTES:
            raise RecordError(f"{len(value)} bytes are too large")
        if topic in self._held:
            self.waits.set()
            await self._held[topic].wait()
        self.sent[topic].append(value)

    async def send_all(self, records, wait_s=0.0):
        for topic, key, value, _ in records:
            await self.send(topic, key, value)


class Table(dict):
    def on_recover(self, _listener):
        pass


class App:
    worker_name = "w"

    def __init__(self, room=1_000):
        self.settings = SimpleNamespace(
            polling=SimpleNamespace(max_polls_in_flight=room), panoptes=SimpleNamespace(topic_prefix="panoptes")
        )
        self.metrics = Metrics("polling")
        self.outbox = Outbox()
        self.clock_s = 0.0
        self.tenure = Tenure(KafkaSettings(), lambda: self.clock_s)
        self.serdes = Serdes(self.settings, Registry())
        self.on_partitions_assigned = self.on_rebalance_complete = SimpleNamespace(connect=lambda *_, **__: None)

    def bytes_table(self, _name):
        return Table()

    def topic_name(self, topic):
        return topic.value

    def partition_of(self, _key):
        return 0

    def statuses(self):
        serde = self.serdes.of(Topic.POLL_STATUS, PollStatus)
        return [serde.decode(value) for value in self.outbox.sent[Topic.POLL_STATUS.value]]


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


async def polling(plugin, resources, app=None):
    """Return a poller whose table has the resources, and its app."""
    app = app or App()
    section = SimpleNamespace(name="ping", interval_s=60)
    poller = Poller(app, [Installed(section, lambda _resource: True, plugin)])
    await app.serdes.register()
    serde = app.serdes.of(Topic.ENRICHED_RESOURCES, EnrichedResource)
    for each in resources:
        poller.table[each.resource.identity] = packed(serde.encode(each))
    return poller, app
