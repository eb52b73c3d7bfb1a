"""The last record of each key of a topic, decoded on demand."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from schemas.errors import RecordError
from streams.pipeline import Topic
from streams.runtime.kernel.records import Record

if TYPE_CHECKING:
    from streams.runtime.kernel.worker import Worker

log = logging.getLogger(__name__)

R = TypeVar("R")


class Latest(Generic[R]):
    """A view that folds records where their schemas can be awaited."""

    def __init__(self, worker: "Worker", topic: Topic, record: type[R]) -> None:
        self._serde = worker.context.serdes.of(topic, record)
        self._topic = topic
        self._came: dict[bytes, bytes | None] = {}
        self._view = worker.view(topic, self._take)

    def _take(self, record: Record) -> None:
        if record.key is not None:
            self._came[record.key] = record.value

    async def changes(self) -> Sequence[tuple[str, R | None]]:
        """Return the changes since the last call, by key; None is a tombstone. What cannot be read is passed over.

        Waits until everything was seen that stood in the topic when the worker began.
        """
        await self._view.caught_up()
        came, self._came = self._came, {}
        changed: list[tuple[str, R | None]] = []
        for key, value in came.items():
            try:
                changed.append((key.decode(), None if value is None else await self._serde.read(value)))
            except (RecordError, UnicodeDecodeError) as why:
                log.warning("passed over topic=%s key=%r problem=%s", self._topic, key, why)
        return changed
