"""What plugins that go by device profiles let be counted: whether their files are sound, and how often they changed."""

from collections.abc import Iterable
from typing import Any

from pollers.plugins.base import ProfileUser
from streams.runtime.ops.metrics import Metrics


def measure_profiles(metrics: Metrics, plugins: Iterable[Any]) -> None:
    """Add the numbers of those plugins that use profiles; the worst of them counts, as they read the same folders."""
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
