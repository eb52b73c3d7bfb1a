"""What a discovery plugin gives is published resource by resource: what is wrong with one takes no other along."""

import asyncio
from dataclasses import replace

import pytest

from pollers.plugins.base import Discovery, Kind
from schemas.errors import FatalError
from schemas.records import DiscoveryRun, Resource
from streams.discovery.agent import Discoverer
from streams.pipeline import Topic
from streams.runtime.plugins import Installed
from streams.runtime.schedule.owner import Due
from streams.runtime.settings.loading import PluginSection
from streams.scheduling.slots import Span
from tests.unit.resources.test_inventory import SWITCH
from tests.unit.runtime.kernel_fakes import FakeWorker

LARGEST = 1_000  #: bytes that the fake topic takes
ROUTER = replace(SWITCH, resource_id="rt1")


class App(FakeWorker):
    """A worker of the stage, with a topic that takes no large records."""

    def __init__(self):
        super().__init__("discovery")
        self.sent.largest = LARGEST

    @property
    def stored(self):
        return [each.key.decode() for each in self.sent.stored if each.topic == "panoptes.resources"]

    @property
    def told(self):
        """What became of each run: section -> failed."""
        serde = self.context.serdes.of(Topic.DISCOVERY_RUNS, DiscoveryRun)
        return {run.section: run.failed for run in map(serde.decode, self.sent.values("panoptes.discovery-runs"))}

    def number(self, name, section):
        """Return what the worker's metrics say."""
        wanted = f'panoptes_{name}_total{{section="discovery:{section}",stage="discovery"}} '
        lines = self.context.metrics.text().decode().splitlines()
        return next(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))

    def numbers(self, section):
        return tuple(self.number(name, section) for name in ("sightings", "sightings_passed_over", "plugin_faults"))


class Plugin:
    """Gives, or raises, the same each time."""

    def __init__(self, outcome):
        self.outcome = outcome

    async def discover(self):
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@pytest.fixture
async def app():
    app = App()
    await app.context.serdes.of(Topic.RESOURCES, Resource).register()
    await app.context.serdes.of(Topic.DISCOVERY_RUNS, DiscoveryRun).register()
    return app


def installed(name, outcome, wants=lambda _: True):
    section = PluginSection(kind=Kind.DISCOVERY, name=name, plugin="fake", interval_s=60)
    return Installed(section, wants, Plugin(outcome))


async def run(app, *plugins):
    """Run each section once, as a worker's first ticks do."""
    discoverer = Discoverer(app, list(plugins))
    for partition in range(app.context.settings.kafka.partitions):
        await discoverer.run(Due(partition, Span(0, 0), gap=False))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        pytest.param({"labels": {"a": "\ud800"}}, "surrogates not allowed", id="half-a-pair-in-a-label"),
        pytest.param({"resource_id": "\ud800"}, "surrogates not allowed", id="half-a-pair-in-the-identity"),
        pytest.param({"labels": {"a": "x" * LARGEST}}, "more than the topic takes", id="too-large"),
        pytest.param({"labels": {"a": 1}}, "must be string", id="label-is-a-number"),
        pytest.param({"plugins": None}, "not iterable", id="no-plugins"),
        pytest.param({"ttl_s": 2**70}, "too large", id="ttl-that-no-long-holds"),
        pytest.param({"endpoint": ""}, "endpoint is empty", id="refused-by-the-checks"),
    ],
)
async def test_a_resource_that_cannot_be_published_is_named_and_counted_and_the_others_are_kept(
    app, caplog, wrong, says
):
    await run(app, installed("lab", Discovery(resources=[replace(SWITCH, **wrong), ROUTER])))
    assert app.stored == [ROUTER.identity]
    assert app.numbers("lab") == (1, 1, 0)
    [warning] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning.startswith("not discovered plugin=lab problem=resource ")
    assert says in warning


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(OSError("the cloud is away"), id="raises"),
        pytest.param(None, id="gives-nothing"),
        pytest.param(Discovery(resources=None), id="gives-no-resources"),
    ],
)
async def test_a_plugin_that_fails_is_counted_and_the_others_of_its_partition_run(app, monkeypatch, outcome):
    monkeypatch.setattr("streams.discovery.agent.crc32", lambda _name: 0)
    await run(app, installed("broken", outcome), installed("lab", Discovery(resources=[SWITCH])))
    assert app.stored == [SWITCH.identity]
    assert app.numbers("broken") == (0, 0, 1)
    assert app.numbers("lab") == (1, 0, 0)


async def test_what_a_plugin_itself_passed_over_is_counted(app):
    await run(app, installed("lab", Discovery(resources=[SWITCH], problems=["list.yaml:3: no", "list.yaml:4: no"])))
    assert app.numbers("lab") == (1, 2, 0)


async def test_what_the_section_does_not_want_is_neither_published_nor_a_problem(app):
    found = Discovery(resources=[SWITCH, ROUTER])
    await run(app, installed("lab", found, wants=lambda resource: resource.resource_id == "rt1"))
    assert app.stored == [ROUTER.identity]
    assert app.numbers("lab") == (1, 0, 0)


async def test_numbers_of_a_section_that_has_not_run_are_there_from_the_start(app):
    Discoverer(app, [installed("lab", None)])
    assert app.numbers("lab") == (0, 0, 0)


async def test_a_fault_that_is_no_resources_own_is_not_taken_for_one():
    unregistered = App()
    with pytest.raises(FatalError):
        await run(unregistered, installed("lab", Discovery(resources=[SWITCH])))
    assert unregistered.numbers("lab") == (0, 0, 0)


async def test_a_tick_of_a_partition_without_sections_does_nothing(app):
    discoverer = Discoverer(app, [])
    async with asyncio.timeout(5):
        await discoverer.run(Due(0, Span(0, 0), gap=False))
    assert app.stored == []
