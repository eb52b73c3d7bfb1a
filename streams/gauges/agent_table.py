"""The stage's table: Faust recovers it and moves it with its partitions; its changelog is sent by the stage.

Faust sends each change by itself, as a message of its own, and hears of its delivery after the event was acknowledged.
Here changes go out in the same kind of batches as gauges, and an event is acknowledged after its change is stored.
"""

from typing import Any

import faust

from streams.pipeline import CHANGELOGS
from streams.runtime.faust.app import StageApp


class SeriesTable(faust.Table):
    """A table from bytes to bytes whose changelog is sent by its user, before or after setting a key."""

    def on_key_set(self, key: bytes, value: bytes) -> None:
        """Do nothing: the change has been sent."""

    def on_key_del(self, key: bytes) -> None:
        """Refuse: nothing is deleted here."""
        raise NotImplementedError(f"{self.name}: keys are not deleted: {key!r}")


def series_table(app: StageApp, name: str) -> Any:
    """Return a table that is partitioned as every keyed topic is."""
    table = SeriesTable(
        app,
        name=name,
        key_type=bytes,
        value_type=bytes,
        partitions=app.settings.kafka.partitions,
        extra_topic_configs=dict(CHANGELOGS[name].configs),
    )
    return app.tables.add(table)
