"""The typed services that a worker gives to its stage."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from streams.pipeline import Stage, Topic
from streams.runtime.kafka.dead_letters import DeadLetters
from streams.runtime.kafka.outbox import Outbox
from streams.runtime.kafka.partitions import partition_of
from streams.runtime.kafka.topic_names import topic_name
from streams.runtime.kernel.lease import WorkerLease
from streams.runtime.ops.metrics import Metrics
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import Settings


def now_ms() -> int:
    """Return the present time, Unix milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StageContext:
    """The services that a stage uses."""

    stage: Stage
    worker: str  #: this process, for people: host:pid
    settings: Settings
    serdes: Serdes
    outbox: Outbox
    dead_letters: DeadLetters
    metrics: Metrics
    lease: WorkerLease  #: whether the partitions are surely still this worker's
    now_ms: Callable[[], int] = now_ms

    def topic_name(self, topic: Topic) -> str:
        return topic_name(self.settings, topic)

    def partition_of(self, key: str) -> int:
        """Return the partition of a resource, the same in every keyed topic."""
        return partition_of(key.encode(), self.settings.kafka.partitions)
