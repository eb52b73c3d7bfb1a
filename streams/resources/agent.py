"""Wiring of the resource manager: sightings in, inventory out, a table of what is known between them."""

from collections.abc import Callable
from typing import Any, Final

from schemas.records import Resource
from streams.pipeline import Topic, stage
from streams.resources.inventory import is_expired, is_news, merge
from streams.runtime.build import stage_app
from streams.runtime.faust.app import StageApp, now_ms
from streams.runtime.kernel.alone import Alone
from streams.runtime.kernel.folding import Effects, Received, Send, fold_topic, send_all, write

EXPIRE_EVERY_S: Final = 10.0


def manage(app: StageApp, clock_ms: Callable[[], int]) -> None:
    """Make the app merge sightings into the inventory, and end there what nobody has seen for its time to live."""
    serde = app.serdes.of(Topic.RESOURCES, Resource)
    inventory_serde = app.serdes.of(Topic.INVENTORY, Resource)
    inventory = app.topic_name(Topic.INVENTORY)
    table = app.bytes_table("known-resources")
    alone = Alone()

    def take(received: Received[Resource]) -> Effects:
        if received.record is None:
            return Effects()
        stored = table.get(received.key)
        known = None if stored is None else inventory_serde.decode(stored)
        merged = merge(known, received.record)
        if not is_news(known, merged):
            return Effects()
        value = inventory_serde.encode(merged)
        return Effects(sends=[Send(inventory, received.key, value)], writes=[(received.key, value)])

    async def sightings(stream: Any) -> None:
        await fold_topic(app, stream, serde, table, take, alone)

    def is_gone(key: str) -> bool:
        stored = table.get(key)
        # while a table is being recovered it holds what was true earlier: a resource that was seen since is not gone
        known = stored is not None and app.is_recovered() and app.owns(Topic.RESOURCES, key)
        return known and is_expired(inventory_serde.decode(stored), clock_ms())

    async def expire() -> None:
        for key in filter(is_gone, tuple(table)):
            async with alone.of(key):
                if is_gone(key):  # it may have been seen while this waited
                    await send_all(app, [Send(inventory, key, None)])
                    write(table, key, None)

    app.agent(app.input_topic(Topic.RESOURCES), name="resources.sightings")(sightings)
    app.timer(EXPIRE_EVERY_S)(expire)


def build() -> StageApp:
    """Return the app of the stage."""
    app = stage_app(stage("resources"))
    manage(app, now_ms)
    return app
