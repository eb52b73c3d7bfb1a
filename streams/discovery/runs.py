"""Runs a discovery section; either kind of plugin yields batches."""

import inspect
from collections.abc import AsyncGenerator
from contextlib import aclosing, nullcontext
from typing import TypeAlias, TypeGuard, cast

from pollers.plugins.base import DiscoveryPlugin, KnownDevice, ListingPlugin, SightingBatch

Plugin: TypeAlias = DiscoveryPlugin | ListingPlugin


async def batches(plugin: Plugin, known: KnownDevice, state: bytes | None) -> AsyncGenerator[SightingBatch, None]:
    """Yield the plugin's batches; raises what the plugin raises."""
    if takes_known(plugin):
        steps = plugin.discover(known, state)
        async with aclosing(steps) if isinstance(steps, AsyncGenerator) else nullcontext():
            async for batch in steps:
                yield batch
        return
    seen = await cast("ListingPlugin", plugin).discover()
    yield SightingBatch(resources=seen.resources, problems=seen.problems, failed=seen.failed)


def takes_known(plugin: Plugin) -> TypeGuard[DiscoveryPlugin]:
    """Return whether a plugin takes the inventory and a saved state, as `DiscoveryPlugin` does."""
    return bool(inspect.signature(plugin.discover).parameters)
