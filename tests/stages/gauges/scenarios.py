"""What is done to a gauges stage, and what must hold afterwards."""

import random
import struct
import threading
import time
from typing import Final

from tests.bench.gauges.polls import Load, encoded, key_of, messages, poll
from tests.stages.gauges.pipe import Pipe, kill
from tests.stages.gauges.undisturbed import sent, undisturbed

#: quick to notice that a worker is gone, as far as a broker allows by default
QUICK: Final = {"PANOPTES_KAFKA_SESSION_TIMEOUT_S": "6", "PANOPTES_KAFKA_HEARTBEAT_INTERVAL_S": "1"}
#: services that the stage does not need, and that are not there
WITHOUT: Final = {"PANOPTES_ZOOKEEPER_HOSTS": "127.0.0.1:1", "PANOPTES_REDIS_URL": "redis://127.0.0.1:1/0"}


def load_of(pipe: Pipe, load: Load) -> list[tuple[bytes, bytes]]:
    """Return the load, every tenth poll twice, and some slots polled anew with other numbers."""
    (schema_id,) = struct.unpack(">I", pipe.raw_header[1:])
    seeds = random.Random(1)
    records = []
    for number, record in enumerate(messages(load, schema_id)):
        records.append(record)
        if seeds.random() < 0.1:
            resource, slot = number % load.resources, number // load.resources
            again = poll(load, resource, slot + seeds.choice([0, 0, 3]))
            records.append((key_of(resource).encode(), encoded(again, schema_id)))
    return records


class Feeder(threading.Thread):
    """Puts records in, over some seconds."""

    def __init__(self, pipe: Pipe, records: list[tuple[bytes, bytes]], seconds: float) -> None:
        super().__init__()
        self._pipe, self._records, self._seconds = pipe, records, seconds

    def run(self) -> None:
        part = max(1, len(self._records) // 40)
        for first in range(0, len(self._records), part):
            self._pipe.put(self._records[first : first + part])
            time.sleep(self._seconds / 40)


def expect_undisturbed(pipe: Pipe, records: list[tuple[bytes, bytes]]) -> int:
    """Wait until everything is done, and return how many repeats there were."""
    wanted = undisturbed(pipe, records)
    pipe.wait(lambda: pipe.lag() == 0, "all records committed", 120)
    outs = pipe.all_of(pipe.gauge_topic)
    found = sent(outs)
    assert not wanted - found, f"{len(wanted - found)} gauges are missing"
    assert not found - wanted, f"{len(found - wanted)} gauges are different"
    assert pipe.count(pipe.dead_topic) == 0
    return len(outs) - len(found)


def kill_again_and_again(pipe: Pipe, load: Load, kills: int) -> int:
    """Kill -9 a worker under load, so many times, each in the middle of its work; return the repeats there were."""
    records = load_of(pipe, load)
    feeder = Feeder(pipe, records, seconds=15.0 * kills)
    feeder.start()
    worker = pipe.start()
    for _ in range(kills):
        done = pipe.count(pipe.gauge_topic)
        pipe.wait(lambda done=done: pipe.count(pipe.gauge_topic) > done, "gauges from the new worker", 90)
        kill(worker)
        worker = pipe.start()
    feeder.join()
    return expect_undisturbed(pipe, records)
