"""Enrichment: in which rack a resource stands, by a label that discovery gave it."""

from collections.abc import Mapping

from pollers.plugins.base import PluginContext
from schemas.records import Enrichment, Resource


class Rack:
    def __init__(self, racks: Mapping[str, str], context: PluginContext) -> None:
        self._racks = racks
        self._context = context

    async def enrich(self, resource: Resource) -> Mapping[str, Enrichment]:
        """Return the namespace `rack` with the fact `rack`."""
        rack = self._racks.get(resource.labels.get("room", ""), "unknown")
        found = Enrichment(
            plugin=self._context.section,
            collected_at_ms=self._context.now_ms(),
            ttl_s=10 * self._context.interval_s,
            facts={"rack": rack},
        )
        return {"rack": found}


def create(context: PluginContext) -> Rack:
    """Make the plugin: every option is a room, its value the rack."""
    return Rack(dict(context.options), context)
