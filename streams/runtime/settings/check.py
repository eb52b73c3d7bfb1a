"""Checks the configuration of plugins by creating them."""

from collections.abc import Sequence

from streams.runtime.plugins import Make, NoAccess, Offered, make_plugin
from streams.runtime.settings.loading import Settings, SettingsError, shown_option
from streams.runtime.settings.plugin_sections import PluginSection, plugin_keys
from streams.runtime.settings.setting import shown


def plugin_problems(settings: Settings, make: Make) -> list[str]:
    """Return why plugins cannot be created: a line for each option, including disabled sections."""
    return [problem for section in settings.plugin_sections for problem in _problems(section, make)]


def _problems(section: PluginSection, make: Make) -> Sequence[str]:
    try:
        make_plugin(section, make, Offered(NoAccess(), lambda: 0))
    except SettingsError as error:
        return error.problems
    return ()


def plugin_values(section: PluginSection) -> dict[str, str]:
    """Return a plugin section's settings for printing."""
    values = {key: shown(getattr(section, key)) for key in plugin_keys(section.kind)}
    return values | {key: shown_option(section, key) for key in section.options}
