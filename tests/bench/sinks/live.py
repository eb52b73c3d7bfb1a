"""One worker of the sinks stage that follows: each device's poll comes in its own moment of the minute.

How late: from when a row was measured and stored in the topic until the store tells its number to somebody who asks;
nobody makes the store show it sooner. It is asked about each half second for one row of every device, so what is seen
is late by up to that. Where the store only discards, what is seen is the worker's CPU and whether it keeps up.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx
from confluent_kafka import Producer

from tests.bench.sinks.load import NAMES, gauge_of, key_of
from tests.stages.gauges.pipe import cpu_s, rss_mb
from tests.stages.sinks.sinkpipe import SERIES, SinkPipe
from tests.unit.sinks.gauges import HEADER, encode

ASKED_EVERY_S: Final = 0.5
WITHIN_S: Final = 900.0
PROBED_ROW: Final = 0


class Feeder:
    """Puts polls in their moments, from now on, until so many minutes are over."""

    def __init__(self, pipe: SinkPipe, devices: int, rows: int, minutes: int) -> None:
        self._pipe, self._devices, self._rows, self._minutes = pipe, devices, rows, minutes
        self.late_s = 0.0  #: how far behind its own time it was, at most
        self.given: list[int] = []  #: per minute

    def run(self) -> None:
        producer = Producer({
            "bootstrap.servers": self._pipe.bootstrap, "partitioner": "murmur2_random", "linger.ms": 20,
            "compression.type": "zstd", "queue.buffering.max.messages": 1_000_000,
        })  # fmt: skip
        began_s = time.time()
        for minute in range(self._minutes):
            for device in range(self._devices):
                due_s = began_s + 60 * (minute + device / self._devices)
                left_s = due_s - time.time()
                if left_s > 0:
                    producer.poll(0)
                    time.sleep(left_s)
                self.late_s = max(self.late_s, -left_s)
                self._put(producer, device, int(began_s) // 60 * 60 + 60 * minute)
            self.given.append(self._devices * self._rows)
        if left := producer.flush(60):
            raise RuntimeError(f"{left} records were not stored")

    def _put(self, producer: Producer, device: int, slot: int) -> None:
        now_ms, key, topic = time.time_ns() // 10**6, key_of(device).encode(), self._pipe.gauge_topic
        for row in range(self._rows):
            value = self._pipe.gauge_header + encode(gauge_of(device, row, slot, now_ms))[len(HEADER) :]
            producer.produce(topic, key=key, value=value)
        producer.poll(0)


class Probe:
    """Asks the store for the newest number of one row of each device, and notes how old it was when first seen."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._newest: dict[str, float] = {}
        self.late_s: list[float] = []

    def run(self) -> None:
        query = f'timestamp({SERIES}{{row="GigabitEthernet1/0/{PROBED_ROW}"}})'
        with httpx.Client(trust_env=False, timeout=60) as client:
            while not self._stop.wait(ASKED_EVERY_S):
                answer = client.get(f"{self._url}/api/v1/query", params={"query": query, "nocache": "1"})
                now_s = time.time()
                for one in answer.raise_for_status().json()["data"]["result"]:
                    device, at_s = one["metric"]["device"], float(one["value"][1])
                    seen_s = self._newest.setdefault(device, at_s)  # since when the first one is there, nobody knows
                    if at_s > seen_s:
                        self._newest[device] = at_s
                        self.late_s.append(now_s - at_s)

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def beside(work: Callable[[], None], stop: Callable[[], None] = lambda: None) -> Iterator[threading.Thread]:
    """Run something in a thread until the end; a fault of it is told at the end."""
    faults: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as fault:  # noqa: BLE001 - told below
            faults.append(fault)

    thread = threading.Thread(target=guarded)
    thread.start()
    try:
        yield thread
    finally:
        stop()
        thread.join()
    if faults:
        raise faults[0]


def followed(pipe: SinkPipe, url: str | None, devices: int, rows: int, minutes: int) -> dict[str, Any]:
    """Return the figures of some minutes after the first, in which rows are new; `url`: of a store to ask."""
    worker = pipe.start("store")
    feeder, probe = Feeder(pipe, devices, rows, minutes + 1), Probe(url or "")
    lags: list[int] = []
    with beside(feeder.run) as feeding:
        _until(lambda: bool(feeder.given) or not feeding.is_alive(), "the first minute")
        first = time.monotonic(), cpu_s(worker.pid)
        with beside(probe.run if url else lambda: None, probe.stop):
            for minute in range(1, minutes + 1):
                _until(lambda minute=minute: len(feeder.given) > minute or not feeding.is_alive(), "a minute")
                lags.append(pipe.lag_of("store"))
            last = time.monotonic(), cpu_s(worker.pid)
            caught_up_s = pipe.wait(lambda: pipe.lag_of("store") == 0, "all is delivered", WITHIN_S)
            time.sleep(10 * ASKED_EVERY_S)  # the last of it is seen
    cpu, wall = last[1] - first[1], last[0] - first[0]
    late = sorted(probe.late_s)
    return {
        "load": f"{devices} devices x {rows} rows x {len(NAMES)} numbers and 2 states a minute, {minutes} minutes",
        "cpu_s_per_minute": round(cpu / wall * 60, 2),
        "share_of_a_core": round(cpu / wall, 3),
        "cpu_us_per_number": round(cpu * 1e6 / (devices * rows * len(NAMES) * minutes), 3),
        "records_behind_each_minute": lags,
        "behind_s_at_the_end": round(caught_up_s, 1),
        "feeder_late_s": round(feeder.late_s, 1),
        "rss_mib": round(rss_mb(worker.pid)),
        "queryable_after_s": {
            "seen": f"{len(late)} of {devices * minutes}",
            **{f"p{part}": round(late[min(len(late) * part // 100, len(late) - 1)], 2) for part in (50, 99)},
            "most": round(late[-1], 2),
        } if late else "no store was asked",
    }  # fmt: skip


def _until(done: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while not done():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"{what}: not within {WITHIN_S:g} s")
        time.sleep(0.2)
