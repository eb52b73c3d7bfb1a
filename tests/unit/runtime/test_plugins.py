"""What the plugins of one worker share."""

from pollers.plugins.base import Kind
from pollers.profiles.loading.watch import ProfileWatch
from streams.runtime.plugins import NoAccess, Offered, Plugins
from streams.runtime.settings.loading import Settings


def watches(plugins: Plugins) -> list[ProfileWatch]:
    """Return what the built-in plugins follow profiles by."""
    instances = [each.instance for kind in (Kind.ENRICHMENT, Kind.POLLING) for each in plugins.of(kind)]
    followed = [getattr(instance, "followed", instance) for instance in instances]
    return [each.watch for each in followed if hasattr(each, "watch")]


def test_profiles_are_read_once_for_all_plugins_of_a_worker() -> None:
    found = watches(Plugins(Settings(), Offered(NoAccess(), lambda: 0)))
    assert len(found) > 2
    assert len(set(map(id, found))) == 1


def test_another_worker_reads_its_own() -> None:
    one, other = (watches(Plugins(Settings(), Offered(NoAccess(), lambda: 0)))[0] for _ in range(2))
    assert one is not other
