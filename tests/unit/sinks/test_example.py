"""The example of a sink does what docs/plugins.md says of it."""

import csv
import sys
from pathlib import Path

import pytest

from pollers.plugins.base import OptionError, PluginContext
from pollers.plugins.batch import TryAgain, Written
from streams.runtime.plugins import NoAccess
from tests.unit.sinks.batches import batch, decoding
from tests.unit.sinks.gauges import IDENTITY, gauge

EXAMPLE = Path(__file__).parents[3] / "examples" / "plugin"


@pytest.fixture
def create(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLE))
    from panoptes_example.sink import create as found

    yield found
    for name in [name for name in sys.modules if name.startswith("panoptes_example")]:
        del sys.modules[name]


def context(**options: str) -> PluginContext:
    return PluginContext(section="csv", interval_s=0, options=options, snmp=NoAccess(), now_ms=lambda: 0)


async def test_every_number_is_a_line(create, tmp_path):
    path = tmp_path / "gauges.csv"
    assert await create(context(path=str(path))).write(batch([gauge()], decoding())) == Written(2)
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [
            [str(gauge().time_ms), IDENTITY, "interface", "Gi0/1", name, repr(number)]
            for name, number in gauge().gauges.items()
        ]


async def test_a_folder_that_is_not_there_is_waited_for(create, tmp_path):
    with pytest.raises(TryAgain, match="No such file"):
        await create(context(path=str(tmp_path / "nowhere" / "x.csv"))).write(batch([gauge()], decoding()))


def test_without_a_path_it_cannot_be_made(create):
    with pytest.raises(OptionError):
        create(context())
