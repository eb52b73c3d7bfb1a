"""Several records at once: all are under way before one is waited for, and only what failed is sent anew."""

import asyncio
from collections import Counter, defaultdict

import pytest
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from schemas.errors import RecordError
from streams.runtime import outbox as outbox_module
from streams.runtime.outbox import Outbox, Record


class Producer:
    """Takes records; a test says when they are stored, and what becomes of the first tries."""

    def __init__(self):
        self.stored = defaultdict(list)
        self.tries = Counter()
        self.under_way = []
        self.faults = {}  #: of a value: what its first try fails with once it is under way
        self.too_large = set()
        self.not_taken = set()  #: by the first try
        self.gate = asyncio.Event()

    async def send(self, topic, value, key=None, partition=None):
        self.tries[value] += 1
        if value in self.too_large:
            raise MessageSizeTooLargeError
        if value in self.not_taken and self.tries[value] == 1:
            raise KafkaError("no room")
        self.under_way.append(value)
        return asyncio.ensure_future(self._store(topic, value))

    async def _store(self, topic, value):
        await self.gate.wait()
        if (fault := self.faults.pop(value, None)) is not None:
            raise fault
        self.stored[topic].append(value)

    async def stop(self):
        self.gate.set()


@pytest.fixture
def outbox(monkeypatch):
    made = Outbox({}, max_request_bytes=1_000_000)
    producer = made._producer = Producer()

    async def start():
        made._producer = producer

    monkeypatch.setattr(made, "start", start)
    monkeypatch.setattr(outbox_module, "_BACKOFF_S", (0.0,))
    return made


RECORDS = [Record("counters", b"k", b"one"), Record("counters", b"k", b"two"), Record("statuses", b"k", b"three")]


async def test_all_are_under_way_before_one_is_stored(outbox):
    producer = outbox._producer
    sending = asyncio.ensure_future(outbox.send_all(RECORDS))
    while len(producer.under_way) < 3:
        await asyncio.sleep(0)
    assert not sending.done()
    assert not producer.stored
    producer.gate.set()
    await sending
    assert producer.stored == {"counters": [b"one", b"two"], "statuses": [b"three"]}
    assert outbox.retries == 0


async def test_what_comes_while_others_are_gathered_goes_with_them(outbox):
    """In one turn of the event loop: the producer's sender then finds all of it, and makes one request of it."""
    producer, loop, found = outbox._producer, asyncio.get_running_loop(), []
    producer.gate.set()
    take = producer.send

    async def send(*args, **kwargs):
        if not producer.under_way:
            loop.call_soon(lambda: found.append(list(producer.under_way)))
        return await take(*args, **kwargs)

    producer.send = send
    first = asyncio.ensure_future(outbox.send_all(RECORDS[:2]))
    await asyncio.sleep(0)
    assert not producer.under_way
    await asyncio.gather(first, outbox.send(*RECORDS[2]))
    assert found == [[b"one", b"two", b"three"]]


async def test_only_what_failed_is_sent_anew(outbox):
    producer = outbox._producer
    producer.faults[b"two"] = KafkaError("not this time")
    producer.gate.set()
    await outbox.send_all(RECORDS)
    assert producer.stored == {"counters": [b"one", b"two"], "statuses": [b"three"]}
    assert producer.tries == {b"one": 1, b"two": 2, b"three": 1}
    assert outbox.retries == 1


async def test_what_the_producer_does_not_take_counts_as_a_try(outbox):
    producer = outbox._producer
    producer.not_taken = {b"one"}
    producer.gate.set()
    await outbox.send_all(RECORDS)
    assert sorted(producer.stored["counters"]) == [b"one", b"two"]
    assert producer.tries == {b"one": 2, b"two": 1, b"three": 1}
    assert outbox.retries == 1


async def test_what_is_too_large_keeps_none_of_the_others(outbox):
    producer = outbox._producer
    producer.too_large = {b"one"}
    producer.gate.set()
    with pytest.raises(RecordError, match="3 bytes for counters"):
        await outbox.send_all(RECORDS)
    assert producer.stored == {"counters": [b"two"], "statuses": [b"three"]}
    assert producer.tries[b"one"] == 1


async def test_without_a_producer_records_wait_for_one(outbox):
    producer, outbox._producer = outbox._producer, None
    producer.gate.set()
    await outbox.send_all(RECORDS)
    assert producer.stored == {"counters": [b"one", b"two"], "statuses": [b"three"]}
