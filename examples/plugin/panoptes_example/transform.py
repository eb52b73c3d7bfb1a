"""Transform: the highest value that each gauge has had, as a group of its own."""

import json
from collections.abc import Sequence
from dataclasses import replace

from pollers.plugins.base import PluginContext
from schemas.records import Gauge, RawCounters


class Peak:
    def advance(
        self, state: bytes | None, sample: RawCounters, gauges: Sequence[Gauge]
    ) -> tuple[bytes, Sequence[Gauge]]:
        """Return the peaks so far, and the gauges with one more group, `<group>-peak`."""
        peaks: dict[str, dict[str, float]] = json.loads(state) if state else {}
        risen = []
        for gauge in gauges:
            row = peaks.setdefault(gauge.row, {})
            for name, value in gauge.gauges.items():
                row[name] = max(value, row.get(name, value))
            risen.append(replace(gauge, group=f"{sample.group}-peak", gauges=dict(row), missing={}, confidence={}))
        return json.dumps(peaks, sort_keys=True).encode(), [*gauges, *risen]


def create(context: PluginContext) -> Peak:  # noqa: ARG001
    """Make the plugin; it has no options."""
    return Peak()
