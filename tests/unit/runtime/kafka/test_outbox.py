"""Records sent at about the same time go as one batch of each partition, and only what failed is sent anew."""

import asyncio
from collections import Counter, defaultdict

import pytest
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from schemas.errors import RecordError
from streams.runtime.kafka import outbox as outbox_module
from streams.runtime.kafka.outbox import Outbox, Outgoing
from streams.runtime.kafka.reach import KafkaRefusedError

BATCH_BYTES = 1_000
REQUEST_BYTES = 5_000


class Batch:
    def __init__(self):
        self.values = []
        self._bytes = 0

    def append(self, *, timestamp, key, value):
        size = len(key or b"") + len(value or b"")
        if self.values and self._bytes + size > BATCH_BYTES:
            return None
        self.values.append(value)
        self._bytes += size
        return object()

    def close(self):
        self.append = None


class Producer:
    """Takes batches; a test says when they are stored, and what becomes of the first tries."""

    def __init__(self):
        self.stored = defaultdict(list)
        self.batches = []  #: topic, partition and values, as they came
        self.tries = Counter()  #: by value
        self.faults = {}  #: of a value: what the first try of its batch fails with once it is under way
        self.too_large = set()
        self.not_taken = set()  #: with the first try
        self.gate = asyncio.Event()

    def create_batch(self):
        return Batch()

    async def send_batch(self, batch, topic, *, partition):
        values = batch.values
        self.tries.update(values)
        self.batches.append((topic, partition, values))
        if self.not_taken.intersection(values):
            self.not_taken.difference_update(values)
            raise KafkaError("no room")
        return asyncio.ensure_future(self._store(topic, values))

    async def _store(self, topic, values):
        await self.gate.wait()
        for value in values:
            if value in self.too_large:
                raise MessageSizeTooLargeError
            if (fault := self.faults.pop(value, None)) is not None:
                raise fault
        self.stored[topic] += values

    async def stop(self):
        self.gate.set()


@pytest.fixture
def outbox(monkeypatch):
    made = Outbox({}, partitions=4, max_request_bytes=REQUEST_BYTES, max_batch_bytes=BATCH_BYTES)
    producer = made._producer = Producer()

    async def start():
        made._producer = producer

    monkeypatch.setattr(made, "start", start)
    monkeypatch.setattr(outbox_module, "_BACKOFF_S", (0.0,))
    return made


ONE, TWO, THREE = (
    Outgoing("counters", b"k", b"one"),
    Outgoing("counters", b"k", b"two"),
    Outgoing("statuses", b"k", b"three"),
)
RECORDS = [ONE, TWO, THREE]
ALL = {"counters": [b"one", b"two"], "statuses": [b"three"]}


async def test_nothing_is_waited_for_before_all_is_under_way(outbox):
    producer = outbox._producer
    sending = asyncio.ensure_future(outbox.send_all(RECORDS))
    while len(producer.batches) < 2:
        await asyncio.sleep(0)
    assert not sending.done()
    assert not producer.stored
    producer.gate.set()
    await sending
    assert producer.stored == ALL
    assert outbox.retries == 0


async def test_what_comes_while_others_are_gathered_goes_with_them(outbox):
    producer = outbox._producer
    producer.gate.set()
    first = asyncio.ensure_future(outbox.send_all([ONE]))
    await asyncio.sleep(0)
    assert not producer.batches
    await asyncio.gather(first, outbox.send(*TWO), outbox.send("counters", b"k", b"elsewhere", 3))
    assert {(topic, len(values)) for topic, _, values in producer.batches} == {("counters", 2), ("counters", 1)}
    assert producer.batches[1][1:] == (3, [b"elsewhere"])


async def test_one_batch_of_a_partition_is_under_way_at_a_time(outbox):
    """What came while it was goes as the next one."""
    producer = outbox._producer
    sending = [asyncio.ensure_future(outbox.send(*ONE))]
    while len(producer.batches) < 1:
        await asyncio.sleep(0)
    sending += [asyncio.ensure_future(outbox.send_all([Outgoing("counters", b"k", value)])) for value in (b"2", b"3")]
    sending.append(asyncio.ensure_future(outbox.send(*THREE)))
    while len(producer.batches) < 2:
        await asyncio.sleep(0)
    assert [values for *_, values in producer.batches] == [[b"one"], [b"three"]]
    producer.gate.set()
    await asyncio.gather(*sending)
    assert [values for *_, values in producer.batches] == [[b"one"], [b"three"], [b"2", b"3"]]


async def test_a_record_goes_where_its_key_belongs(outbox):
    """As Kafka's own clients place it: resource b"k" has one partition number in every topic."""
    outbox._producer.gate.set()
    await outbox.send_all([Outgoing("counters", key, key) for key in (b"21", b"foobar", b"abc", b"")])
    placed = {values[0]: partition for _, partition, values in outbox._producer.batches}
    java_murmur2 = {b"21": -973932308, b"foobar": -790332482, b"abc": 479470107, b"": 275646681}
    assert placed == {key: (hashed & 0x7FFFFFFF) % 4 for key, hashed in java_murmur2.items()}


async def test_what_does_not_fit_into_one_batch_goes_as_several_in_order(outbox):
    producer = outbox._producer
    producer.gate.set()
    values = [bytes([65 + number]) * 250 for number in range(10)]
    large = b"x" * 3 * BATCH_BYTES
    await outbox.send_all([Outgoing("counters", b"k", value) for value in [*values, large, b"last"]])
    assert producer.stored["counters"] == [*values, large, b"last"]
    assert [len(values) for *_, values in producer.batches] == [2, 2, 2, 2, 2, 1, 1]
    assert not outbox.retries


async def test_only_what_failed_is_sent_anew(outbox):
    producer = outbox._producer
    producer.faults[b"two"] = KafkaError("not this time")
    producer.gate.set()
    await outbox.send_all(RECORDS)
    assert producer.stored == ALL
    assert producer.tries == {b"one": 2, b"two": 2, b"three": 1}
    assert outbox.retries == 1


async def test_what_the_producer_does_not_take_counts_as_a_try(outbox):
    producer = outbox._producer
    producer.not_taken = {b"one"}
    producer.gate.set()
    await outbox.send_all(RECORDS)
    assert producer.stored == ALL
    assert producer.tries == {b"one": 2, b"two": 2, b"three": 1}
    assert outbox.retries == 1


async def test_only_who_sent_what_is_too_large_hears_of_it(outbox):
    producer = outbox._producer
    producer.too_large = {b"one"}
    producer.gate.set()
    others = asyncio.ensure_future(outbox.send_all([TWO, THREE]))
    with pytest.raises(RecordError, match="3 bytes for counters"):
        await outbox.send(*ONE)
    await others
    assert producer.stored == {"counters": [b"two"], "statuses": [b"three"]}


async def test_what_is_too_large_keeps_none_of_the_others(outbox):
    producer = outbox._producer
    producer.gate.set()
    huge = b"x" * (REQUEST_BYTES + 1)
    with pytest.raises(RecordError, match="5001 bytes for counters"):
        await outbox.send_all([Outgoing("counters", b"k", huge), *RECORDS])
    assert producer.stored == ALL
    assert huge not in producer.tries


async def test_a_sender_that_was_cancelled_takes_no_other_with_it(outbox):
    producer = outbox._producer
    before = asyncio.ensure_future(outbox.send(*ONE))
    meanwhile = asyncio.ensure_future(outbox.send("counters", b"k", b"meanwhile"))
    patient = asyncio.ensure_future(outbox.send(*TWO))
    await asyncio.sleep(0)
    before.cancel()
    while not producer.batches:
        await asyncio.sleep(0)
    meanwhile.cancel()
    producer.gate.set()
    await patient
    assert producer.stored == {"counters": [b"meanwhile", b"two"]}


async def test_a_fault_of_our_own_is_the_senders(outbox):
    outbox._producer.gate.set()
    outbox._producer.faults[b"one"] = TypeError("a fault")
    with pytest.raises(TypeError, match="a fault"):
        await outbox.send(*ONE)


async def test_without_a_producer_records_wait_for_one(outbox):
    producer, outbox._producer = outbox._producer, None
    producer.gate.set()
    await outbox.send_all(RECORDS)
    assert producer.stored == ALL


async def test_a_broker_that_lets_us_in_no_more_is_waited_for(outbox, monkeypatch):
    producer, outbox._producer = outbox._producer, None
    producer.gate.set()
    answers = iter([KafkaRefusedError("the password is wrong"), KafkaError("away")])

    async def start():
        if (refused := next(answers, None)) is not None:
            raise refused
        outbox._producer = producer

    monkeypatch.setattr(outbox, "start", start)
    await outbox.send_all(RECORDS)
    assert producer.stored == ALL


async def test_once_stopped_nothing_is_tried_again(outbox):
    producer = outbox._producer
    sending = asyncio.ensure_future(outbox.send(*ONE))
    while not producer.batches:
        await asyncio.sleep(0)
    producer.faults[b"one"] = KafkaError("closed")
    await outbox.stop()
    await asyncio.sleep(0.01)
    assert not sending.done()
    assert producer.tries[b"one"] == 1
    sending.cancel()


async def test_records_in_order_go_in_batches_that_fit_only_a_large_record_is_more(outbox):
    producer = outbox._producer
    producer.gate.set()
    large = b"x" * 3 * BATCH_BYTES
    values = [bytes([65 + number]) * 250 for number in range(7)]
    await outbox.send_in_order("gauges", 2, [(b"key", values[:5]), (b"other", [None]), (b"key", [*values[5:], large])])
    assert producer.stored["gauges"] == [*values[:5], None, *values[5:], large]
    assert all(partition == 2 for _, partition, _ in producer.batches)
    for *_, batch in producer.batches:
        assert sum(len(value or b"") for value in batch) <= BATCH_BYTES or batch == [large]


async def test_of_records_in_order_those_before_one_that_is_refused_are_stored(outbox):
    producer = outbox._producer
    producer.gate.set()
    producer.too_large = {b"2" * 600}
    values = [b"1" * 600, b"2" * 600, b"3" * 600]
    with pytest.raises(RecordError):
        await outbox.send_in_order("gauges", 0, [(b"k", values)])
    assert producer.stored["gauges"] == values[:1]
