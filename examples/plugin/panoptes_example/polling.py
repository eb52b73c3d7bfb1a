"""Polling without SNMP: load and context switches of the Linux machine that the worker runs on."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from pollers.plugins.base import PluginContext, Poll, Sample
from schemas.records import (
    CounterColumn,
    DimensionColumn,
    EnrichedResource,
    Enrichment,
    GaugeColumn,
    Job,
    Outcome,
    Resource,
)


class HostLoad:
    def __init__(self, context: PluginContext) -> None:
        self._context = context

    def jobs(self, resource: Resource, enrichments: Mapping[str, Enrichment]) -> Sequence[Job]:  # noqa: ARG002
        """Return one job per resource that the section's filter lets through."""
        return [Job(plugin=self._context.section, profile="host-load", interval_s=self._context.interval_s)]

    async def poll(self, resource: EnrichedResource, job: Job, slot: int) -> Poll:  # noqa: ARG002
        """Return one sample of one row; a machine without /proc is a failed poll, not an exception."""
        polled_at_ms = self._context.now_ms()
        try:
            load, stat = await asyncio.to_thread(_read)
        except OSError as problem:
            return Poll(outcome=Outcome.INTERNAL, reason=f"/proc cannot be read: {problem.strerror}")
        rack = resource.enrichments["rack"].facts["rack"] if "rack" in resource.enrichments else "unknown"
        switches = next(int(line.split()[1]) for line in stat.splitlines() if line.startswith("ctxt "))
        sample = Sample(
            group="host",
            polled_at_ms=polled_at_ms,
            index=["host"],
            dimensions=[DimensionColumn(name="rack", values=[rack])],
            counters=[CounterColumn(name="context_switches", width=64, unit="switches", values=[switches])],
            gauges=[GaugeColumn(name="load_1m", unit="processes", values=[float(load.split()[0])])],
        )
        return Poll(outcome=Outcome.SUCCESS, samples=[sample], values=2)


def _read() -> tuple[str, str]:
    return Path("/proc/loadavg").read_text(), Path("/proc/stat").read_text()


def create(context: PluginContext) -> HostLoad:
    """Make the plugin; it has no options."""
    return HostLoad(context)
