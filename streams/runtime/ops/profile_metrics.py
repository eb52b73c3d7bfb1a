"""Counters of plugins that use device profiles: broken files, and changes in force."""

from collections.abc import Iterable, Mapping

from pollers.plugins.base import GapCounter, ProfileUser
from streams.runtime.ops.metrics import Metrics


def measure_profiles(metrics: Metrics, plugins: Iterable[object]) -> None:
    """Add the metrics of plugins that use profiles; as they share folders, the worst value counts."""
    users = [plugin for plugin in plugins if isinstance(plugin, ProfileUser)]
    if not users:
        return
    metrics.gauge(
        "profiles_broken",
        "problems in profile files: the profiles that they had before stay in force (panoptes profile lint)",
        lambda: max(float(user.broken_profiles) for user in users),
    )
    metrics.counter(
        "profile_changes",
        "times that changed profiles came into force",
        lambda: max(float(user.profile_changes) for user in users),
    )
    counting = [plugin for plugin in users if isinstance(plugin, GapCounter)]
    if counting:
        metrics.gauges(
            "devices_without_profile",
            "devices that no vendor's profile fits (panoptes profile gaps)",
            "sys_object_id",
            lambda: _most([user.unfitted for user in counting]).items(),
        )


def _most(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the greatest count of each sysObjectID: sections of one worker poll the same devices."""
    found: dict[str, int] = {}
    for one in counts:
        found |= {oid: max(number, found.get(oid, 0)) for oid, number in one.items()}
    return found
