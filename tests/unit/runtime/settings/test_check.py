"""A plugin's fault is told like any other fault of the configuration."""

import pytest

from pollers.plugins.base import Kind, OptionError, PluginContext
from streams.runtime.settings.check import plugin_problems
from streams.runtime.settings.loading import Settings
from streams.runtime.settings.plugin_sections import PluginSection

SECTION = PluginSection(
    kind=Kind.POLLING,
    name="mine",
    plugin="mine",
    interval_s=60,
    options={"depth": "x"},
    where={"": "panoptes.ini:1", "depth": "panoptes.ini:4"},
)


def problems(fault: Exception | None) -> list[str]:
    def make(_kind: Kind, _name: str, _context: PluginContext) -> object:
        if fault is not None:
            raise fault
        return object()

    return plugin_problems(Settings(plugin_sections=(SECTION,)), make)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        pytest.param(None, [], id="good"),
        pytest.param(
            OptionError({"depth": "expected a number", "width": "expected something"}),
            [
                "panoptes.ini:4: [polling:mine] depth: expected a number",
                "panoptes.ini:1: [polling:mine] width: expected something",
            ],
            id="options",
        ),
        pytest.param(
            ZeroDivisionError("division by zero"),
            ["panoptes.ini:1: [polling:mine] plugin: 'mine' cannot be made: ZeroDivisionError: division by zero"],
            id="fault-of-the-plugin",
        ),
    ],
)
def test_each_option_is_named_with_where_it_was_written(fault, expected):
    assert problems(fault) == expected
