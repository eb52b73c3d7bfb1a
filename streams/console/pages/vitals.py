"""What a device suffers from first: the highest number of each kind, and sensors that are not well; pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from schemas.records import Gauge


class Vital(NamedTuple):
    what: str
    gauge: Gauge
    name: str  #: of the number or the state


#: kind -> the numbers that say it
_NUMBERS: Final = {
    "CPU": ("cpu_utilization", "system_cpu_utilization"),
    "Memory": ("memory_utilization", "system_memory_utilization"),
    "Storage": ("storage_utilization",),
    "Temperature": ("temperature",),
}
_WELL: Final = frozenset({"ok", "unavailable"})


def vitals(gauges: Sequence[Gauge]) -> Sequence[Vital]:
    """Return the highest number of each kind that a device has, then each sensor whose state is not well."""
    found = []
    for what, names in _NUMBERS.items():
        having = [(each.gauges[name], each, name) for each in gauges for name in names if name in each.gauges]
        if having:
            _, gauge, name = max(having, key=lambda one: one[0])
            found.append(Vital(what, gauge, name))
    ill = [each for each in gauges if each.states.get("sensor_state", "ok") not in _WELL]
    return [*found, *(Vital("Sensor", gauge, "sensor_state") for gauge in ill)]
