"""The model's world: a broker, workers of one stage, a clock; what may go wrong, and what must hold all the same.

`promises.py` has what must hold of every stage, `stages/` what each of them is given and what must come of it.
"""

import asyncio
import random
import struct
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from importlib import import_module
from typing import Any, Final, Self
from unittest import mock

from schemas.codec import canonical_text
from schemas.records import DeadLetter, Tick
from streams.pipeline import TOPICS, Topic, stage
from streams.runtime.kafka.partitions import partition_of
from streams.runtime.kernel.folding import Folding
from streams.runtime.kernel.lease import WorkerLease
from streams.runtime.kernel.records import Place
from streams.runtime.kernel.worker import Worker
from streams.runtime.registry.serde import HEADER_BYTES, Serdes
from streams.runtime.settings.loading import Settings
from streams.runtime.settings.sections import KafkaSettings
from tests.model.broker import Broker
from tests.model.clock import Clock, ProcessLoop
from tests.model.process import Process
from tests.model.promises import PARTITIONS, Promises
from tests.model.services import Candidate, Election, EmptyView, Producer, Registry, TickLog, no_connection
from tests.model.stage_model import StageModel

#: the variant of a record that a newer writer wrote, and the id of its schema: no worker knows that yet
NEWER: Final = 9
NEWER_ID: Final = 1_000
EXIT_S: Final = 2.0  #: how long a process lives on after its host has ended
ZK_SESSION_S: Final = 10.0


class World:
    """Everything that one run has; a context manager, for it changes the modules under test."""

    def __init__(self, model: StageModel) -> None:
        self.model: Final = model
        self.clock: Final = Clock()
        self.settings: Final = Settings(kafka=KafkaSettings(partitions=PARTITIONS))
        self.broker: Final = Broker(self.clock, PARTITIONS, self.settings.kafka.session_timeout_s)
        self.registry: Final = Registry()
        self.serdes: Final = Serdes(self.settings, self.registry)
        self.election: Final = Election()
        self.processes: list[Process] = []
        self.reluctant: set[int] = set()  #: partitions that cannot be begun now
        self.devices_answer = True
        self.device_s = 0.2
        self.is_rough = False  #: whether anything has happened after which work may rightly be done twice
        self.letters_wanted: set[tuple[str, int, int]] = set()
        self.promises: Final = Promises(self)
        self._born = 0
        self._building: list[Candidate] = []
        self._stack: Final = ExitStack()

    def __enter__(self) -> Self:
        random.seed(0)
        kernel, schedule = "streams.runtime.kernel.worker", "streams.runtime.schedule.stage_schedule"
        agent = f"streams.{self.model.name}.agent"
        stand_ins: dict[str, Any] = {
            "streams.runtime.kafka.outbox.AIOKafkaProducer": lambda **_: Producer(self.broker),
            "streams.runtime.kafka.reach.create_conn": no_connection,
            f"{kernel}.open_registry": lambda _settings: self.registry,
            f"{kernel}.View": EmptyView,
            f"{kernel}.WorkerLease": partial(WorkerLease, now_s=lambda: self.clock.now_s),
            f"{schedule}.Leadership": self._candidate,
            f"{schedule}.KafkaTickLog": lambda _options, topic, serde, lookback: TickLog(
                self.broker, topic, serde, lookback
            ),
            f"{agent}.open_worker": lambda name: Worker(stage(name), self.settings),
        }
        if (plugins := self.model.plugins()) is not None:
            stand_ins[f"{agent}.open_plugins"] = lambda _worker: plugins
        for name, stand_in in stand_ins.items():
            self._stack.enter_context(mock.patch(name, stand_in))
        self._stack.enter_context(self.clock.everywhere())
        self.broker.on_commit = self.promises.committed
        self.broker.later(self.clock.now_s + 1, self._every_second)
        self.model.begin(self)
        loop = ProcessLoop(self.clock)
        loop.run_until_complete(self._register())
        loop.close()
        return self

    async def _register(self) -> None:
        self.serdes.of(Topic.DEAD_LETTERS, DeadLetter)
        if (ticks := stage(self.model.name).ticks) is not None:
            self.serdes.of(ticks, Tick)
        await self.serdes.register()

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            self._bury(process)
        self._stack.close()

    def _candidate(self, *_: Any, on_elected: Any, on_deposed: Any, **__: Any) -> Candidate:
        self._building.append(Candidate(self.election, on_elected, on_deposed))
        return self._building[-1]

    def _every_second(self) -> None:
        self.broker.evict_silent()
        self.broker.later(self.clock.now_s + 1, self._every_second)

    # what happens

    @property
    def living(self) -> list[Process]:
        return [process for process in self.processes if not process.is_over]

    def topic_name(self, topic: Topic) -> str:
        return f"{self.settings.panoptes.topic_prefix}.{topic}"

    def inputs(self) -> Sequence[str]:
        """Return the topics whose records the stage takes, but for its ticks."""
        return [self.topic_name(topic) for topic in stage(self.model.name).reads]

    def spend(self, seconds: float) -> None:
        """Let time pass, and everybody do what is due in it."""
        self._spend(seconds, self.living)

    def spend_with(self, leaver: Process, seconds: float) -> None:
        """Let time pass, also for a process whose host has ended."""
        self._spend(seconds, [*self.living, leaver])

    def _spend(self, seconds: float, processes: Sequence[Process]) -> None:
        until_s = self.clock.now_s + seconds
        while True:
            running = [process for process in processes if not (process.is_frozen or process.loop.is_closed())]
            if sum(process.loop.run_due() for process in running):
                self.look_for_faults()
                continue
            if self.broker.run_due():
                continue
            next_s = min([self.broker.next_s(), *(process.loop.next_s() for process in running)])
            if next_s > until_s:
                break
            self.clock.now_s = next_s
        self.clock.now_s = until_s

    def look_for_faults(self) -> None:
        for process in self.living:
            assert process.failed is None, f"{process.name} has ended itself: {process.failed!r}"

    def give(self, key: int, variant: int) -> None:
        given = self.model.given(key, variant)
        if given is None:
            return
        value = given.value
        if variant == NEWER and value is not None:
            self.registry.texts[NEWER_ID] = canonical_text(TOPICS[given.topic].schema)
            value = struct.pack(">bI", 0, NEWER_ID) + value[HEADER_BYTES:]
        place = Place(self.topic_name(given.topic), partition_of(given.key, PARTITIONS))
        offset = self.broker.append(place, given.key, value)
        if not given.is_usable:
            self.letters_wanted.add((*place, offset))

    def join(self) -> Process:
        self._born += 1
        build = import_module(f"streams.{self.model.name}.agent").build
        self._building.clear()
        process = Process(f"worker-{self._born}", self.broker, ProcessLoop(self.clock), build, self.reluctant)
        process.candidate = self._building[0] if self._building else None
        for loop in process.loops:
            assert isinstance(loop._handler, Folding)
            self.promises.watch(loop._handler)
        self.processes.append(process)
        process.start()
        return process

    def leave(self, process: Process) -> None:
        """Send a TERM, and wait until the process is gone."""
        self.stop(process)
        self.spend_with(process, EXIT_S)
        left = [task.get_name() for task in asyncio.all_tasks(process.loop)]
        # what waits for a service, or for a lease that has lapsed, does so until the event loop is closed
        is_waiting = not (self.broker.stores and self.broker.answers) or self.registry.is_away
        if not is_waiting and process.worker.context.lease.holds():
            assert not left, f"{process.name} has left tasks behind: {left}"
        self._bury(process)

    def stop(self, process: Process) -> None:
        """Send a TERM, and wait until its host has done with it: the process may live on for a moment."""
        stopped = process.stop()
        for _ in range(120):
            if process.is_over:
                break
            self.spend(0.5)
        assert process.is_over, f"{process.name} does not stop"
        stopped.result()

    def kill(self, process: Process) -> None:
        """End a process as kill -9 does: what is in its memory is gone; what the broker was given is stored."""
        self.is_rough = True
        if process.candidate is not None:
            self.broker.later(self.clock.now_s + ZK_SESSION_S, process.candidate.lapse)
        self._bury(process)

    def _bury(self, process: Process) -> None:
        process.is_over = True
        process.loop.is_dead = True
        process.loop.bury()

    def freeze(self, process: Process) -> None:
        process.is_frozen = True
        if process.candidate is not None:
            self.broker.later(self.clock.now_s + ZK_SESSION_S, lambda: self._lapse(process))

    def _lapse(self, process: Process) -> None:
        if process.is_frozen and not process.is_over and process.candidate is not None:
            process.candidate.lapse()

    def wake(self, process: Process) -> None:
        process.is_frozen = False
        if process.candidate is not None:
            process.candidate.again()
        self.is_rough = True

    def break_broker(self, *, latency_s: float = 0.01, stores: bool = True, answers: bool = True) -> None:
        self.broker.latency_s, self.broker.stores, self.broker.answers = latency_s, stores, answers
        self.is_rough = self.is_rough or latency_s > 1 or not stores or not answers

    def heal_broker(self) -> None:
        self.broker.latency_s, self.broker.stores, self.broker.answers = 0.01, True, True

    def lose_commits(self, *, are_lost: bool) -> None:
        self.broker.commits_are_lost = are_lost
        self.is_rough = self.is_rough or are_lost

    def heal(self) -> None:
        """Mend everything that is broken, and let the time pass until all is quiet."""
        self.heal_broker()
        self.broker.commits_are_lost = self.registry.is_away = False
        self.device_s, self.devices_answer = 0.2, True
        self.reluctant.clear()
        for process in self.living:
            if process.is_frozen:
                self.wake(process)
        if not self.living:
            self.join()
        self.spend(self.model.settle_s)

    # what is there

    def values(self, topic: Topic, key: bytes) -> list[bytes | None]:
        return self.broker.values(self.topic_name(topic), key)

    def letters(self) -> set[tuple[str, int, int]]:
        serde, topic = self.serdes.of(Topic.DEAD_LETTERS, DeadLetter), self.topic_name(Topic.DEAD_LETTERS)
        logs = (self.broker.logs[Place(topic, number)] for number in range(PARTITIONS))
        found = [serde.decode(entry.value or b"") for log in logs for entry in log]
        return {(each.topic, each.partition, each.offset) for each in found}

    def changelog(self) -> str:
        """Return the name of the stage's changelog."""
        worker = self.processes[0].worker
        return worker.changelog(worker.tables[0])
