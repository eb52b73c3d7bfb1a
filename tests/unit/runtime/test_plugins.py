"""What the plugins of one worker share."""

from pollers.plugins.base import Kind
from streams.runtime.plugins import NoAccess, Plugins
from streams.runtime.settings.loading import Settings


def test_profiles_are_read_once_for_all_plugins_of_a_worker() -> None:
    plugins = Plugins(Settings(), NoAccess(), lambda: 0)
    installed = [*plugins.of(Kind.ENRICHMENT), *plugins.of(Kind.POLLING)]
    watches = [plugin.instance.watch for plugin in installed if hasattr(plugin.instance, "watch")]
    assert len(watches) > 2
    assert len(set(map(id, watches))) == 1


def test_another_worker_reads_its_own() -> None:
    one, other = (Plugins(Settings(), NoAccess(), lambda: 0).of(Kind.POLLING)[0].instance for _ in range(2))
    assert one.watch is not other.watch
