"""Runs a discovery section; either kind of plugin yields batches."""

import inspect
from collections.abc import AsyncGenerator
from contextlib import aclosing, nullcontext
from typing import TypeAlias, TypeGuard, cast

from pollers.plugins.base import DiscoveryPlugin, KnownDevice, ListingPlugin, SightingBatch

Plugin: TypeAlias = DiscoveryPlugin | ListingPlugin


async def batches(plugin: Plugin, known: KnownDevice, state: bytes | None) -> AsyncGenerator[SightingBatch, None]:
    """Yield what the plugin finds; what it raises is raised here."""
    if takes_known(plugin):
        steps = plugin.discover(known, state)
        async with aclosing(steps) if isinstance(steps, AsyncGenerator) else nullcontext():
            async for batch in steps:
                yield batch
        return
    seen = await cast("ListingPlugin", plugin).discover()
    yield SightingBatch(resources=seen.resources, problems=seen.problems, failed=seen.failed)


def takes_known(plugin: Plugin) -> TypeGuard[DiscoveryPlugin]:
    """Return whether a plugin is of the kind that is told what is known, and goes on where it was cut short."""
    return bool(inspect.signature(plugin.discover).parameters)
