"""Restores our tables from their changelogs through Faust; nothing else of Faust's tables is used."""

from collections.abc import Iterable
from typing import Any, Final

import faust
from faust.stores import base
from faust.tables import TableManager
from faust.types import TP

from schemas.errors import FatalError
from streams.pipeline import CHANGELOGS
from streams.runtime.kernel.table import Table


class PromptTables(TableManager):
    """Faust's table manager without its delay of a second at the start: no agent adds a table later."""

    async def on_start(self) -> None:
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


class RecoveringStore(base.Store):
    """Passes the changelog records that Faust reads to our table.

    Faust's own stores keep one dict for all partitions and the keys of those that have left; the table does not.
    """

    def apply_changelog_batch(self, batch: Iterable[Any], **_: Any) -> None:
        """Apply a batch of the changelog; an unreadable value ends the worker."""
        table: ChangelogTable = self.table
        try:
            for event in batch:
                message = event.message
                table.kept.recover(message.partition, message.key or b"", message.value)
        except FatalError as problem:
            self.app.fail(problem)
            raise

    def persisted_offset(self, tp: TP) -> int | None:  # noqa: ARG002
        """Return None: nothing is stored on disk."""
        return None

    def reset_state(self) -> None:
        """Do nothing: there is no disk."""

    async def backup_partition(self, *_: Any, **__: Any) -> None:
        """Do nothing, likewise."""

    def restore_backup(self, *_: Any, **__: Any) -> None:
        """Do nothing, likewise."""


class ChangelogTable(faust.Table):
    """A table that Faust recovers and moves with its partitions; nothing is written to it through Faust."""

    def __init__(self, app: Any, kept: Table, partitions: int) -> None:
        self.kept: Final = kept
        super().__init__(
            app,
            name=kept.name,
            key_type=bytes,
            value_type=bytes,
            partitions=partitions,
            extra_topic_configs=dict(CHANGELOGS[kept.name].configs) if kept.name in CHANGELOGS else None,
        )

    def _new_store(self) -> RecoveringStore:
        return RecoveringStore("memory://", self.app, self, table_name=self.name, loop=self.loop)
