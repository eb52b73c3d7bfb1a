"""When statuses and gauges come, from a thread that reads the topics as others would."""

import contextlib
import threading
import time
from typing import Final, NamedTuple, Self

from confluent_kafka import KafkaException

from streams.playground.check.record import TopicReader

STATUSES: Final = "poll-status"
GAUGES: Final = "gauges"


class Came(NamedTuple):
    topic: str
    slot: int
    late_s: float  #: after its slot


class Lateness:
    """What has come so far. Records of devices that are slow by design count as others do."""

    def __init__(self, topics: TopicReader) -> None:
        self._topics = topics
        self._came: list[Came] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="lateness", daemon=True)

    def __enter__(self) -> Self:
        assert self._topics.open(time.monotonic() + 60)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)
        self._topics.close()

    def _follow(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(KafkaException):  # a broker is away: that is what is being tested
                for record in self._topics.read(0.2):
                    slot = record.value["slot"]
                    if isinstance(slot, int) and record.value.get("outcome") != "MISSED":
                        self._came.append(Came(record.topic, slot, record.received_ms / 1000 - slot))

    def quantile_s(self, topic: str, since_s: float, until_s: float, share: float) -> float:
        """Return the lateness that this share of a topic's records of these slots did not exceed."""
        late = sorted(one.late_s for one in list(self._came) if one.topic == topic and since_s <= one.slot < until_s)
        assert late, f"no record of {topic} came"
        return late[min(len(late) - 1, int(share * len(late)))]
