"""Reading a topic leaves nothing behind, also where the broker is away."""

import pytest
from aiokafka.errors import KafkaConnectionError

from streams.runtime.kafka import replay as module
from streams.runtime.kafka.replay import partitions, replay

#: nobody listens on port 1
NOBODY = {"bootstrap_servers": "127.0.0.1:1"}


class Unreachable:
    """A consumer whose broker is away."""

    def __init__(self) -> None:
        self.stopped = False

    async def start(self) -> None:
        raise KafkaConnectionError("away")

    async def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> Unreachable:
    """The consumer that is made, which cannot start."""
    made = Unreachable()
    monkeypatch.setattr(module, "AIOKafkaConsumer", lambda **_options: made)
    return made


async def test_a_consumer_that_cannot_start_is_stopped_by_replay(consumer: Unreachable) -> None:
    with pytest.raises(KafkaConnectionError):
        await anext(replay(NOBODY, "topic"))
    assert consumer.stopped


async def test_a_consumer_that_cannot_start_is_stopped_by_partitions(consumer: Unreachable) -> None:
    with pytest.raises(KafkaConnectionError):
        await partitions(NOBODY, "topic")
    assert consumer.stopped
