"""`panoptes sinks`: lists sinks and their lag, and moves a sink back or forward."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pollers.plugins.base import Kind, ViewSinkPlugin
from pollers.plugins.registry import make
from streams.cli.loading import config_option, load_or_exit, log_briefly, run_or_exit
from streams.cli.moments import WhenType
from streams.pipeline import Topic
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.groups import EARLIEST, NOW, begins, committed, move
from streams.runtime.kafka.topic_names import group_name, topic_name
from streams.runtime.kernel.context import now_ms
from streams.runtime.plugins import NoAccess, Offered, make_plugin
from streams.runtime.settings.loading import Settings, SettingsError
from streams.runtime.settings.plugin_sections import SinkSection

T = TypeVar("T")


class Lag(NamedTuple):
    """How many records one sink is behind in one of its topics."""

    topic: str
    waiting: int | None  #: records that are not stored; None: it has never run
    gone: int  #: of these, the ones that the topic's retention has removed


@click.group("sinks")
def command() -> None:
    """Show and move sinks' positions in their topics."""
    log_briefly()


@command.command("list")
@config_option
def list_sinks(config: Path | None) -> None:
    """List the configured sinks and how many records wait for each."""
    settings = load_or_exit(config)
    sections = _sections(settings)
    if not sections:
        click.echo("no [sink:NAME] in the configuration")
        return
    table = Table("sink", "plugin", "topic", "waiting", "gone", "group")
    for section in sections:
        if _is_view(section):
            table.add_row(*map(Text, (section.name, section.plugin, ", ".join(section.topics), "a view", "", "")))
            continue
        for lag in run_or_exit(_lags(settings, section)):
            waiting = "never ran" if lag.waiting is None else str(lag.waiting)
            cells = (section.name, section.plugin, lag.topic, waiting, str(lag.gone), _group(settings, section))
            table.add_row(*map(Text, cells))
    Console().print(table)


@command.command()
@click.argument("name")
@click.option("--to", "to", required=True, type=WhenType(), help="2h, a time, Unix seconds: send again from there on.")
@config_option
def rewind(name: str, to: int, config: Path | None) -> None:
    """Make a sink send again the records since a time. Its workers must be stopped meanwhile."""
    _move(load_or_exit(config), name, to * 1000)


@command.command()
@click.argument("name")
@config_option
def skip(name: str, config: Path | None) -> None:
    """Make a sink skip the waiting records, and continue with new ones. Its workers must be stopped meanwhile."""
    _move(load_or_exit(config), name, NOW)


def _move(settings: Settings, name: str, start: str | int) -> None:
    found = {section.name: section for section in _sections(settings)}
    if name not in found:
        raise click.BadParameter(f"{name!r}: expected one of {', '.join(found) or 'none: there is no [sink:NAME]'}")
    section, options = found[name], client_options(settings.kafka)
    if _is_view(section):
        raise click.BadParameter(f"{name!r} is a view of its topics: it has no place that could be moved")

    async def moved() -> Sequence[tuple[str, int, int]]:
        group, topics = _group(settings, section), _topics(settings, section)
        target = await begins(options, topics, start)
        ends = await begins(options, topics, NOW)
        await move(options, group, target)
        return [
            (
                topic,
                sum(at for tp, at in target.items() if tp.topic == topic),
                sum(at for tp, at in ends.items() if tp.topic == topic),
            )
            for topic in topics
        ]

    for topic, at, end in run_or_exit(moved()):
        click.echo(f"{name}: {topic}: {end - at} records are to be sent")


def _sections(settings: Settings) -> list[SinkSection]:
    return [section for section in settings.plugins(Kind.SINK) if isinstance(section, SinkSection)]


def _is_view(section: SinkSection) -> bool:
    """Return whether a sink joins no group; an invalid section is reported by `panoptes config check`."""
    try:
        return isinstance(make_plugin(section, make, Offered(NoAccess(), now_ms)), ViewSinkPlugin)
    except SettingsError:
        return False


def _group(settings: Settings, section: SinkSection) -> str:
    return group_name(settings, "sinks", section.name)


def _topics(settings: Settings, section: SinkSection) -> list[str]:
    return [topic_name(settings, Topic(name)) for name in section.topics]


async def _lags(settings: Settings, section: SinkSection) -> list[Lag]:
    options, topics = client_options(settings.kafka), _topics(settings, section)
    known = await committed(options, _group(settings, section))
    first, ends = await begins(options, topics, EARLIEST), await begins(options, topics, NOW)
    lags = []
    for topic in topics:
        at = {tp: offset for tp, offset in known.items() if tp.topic == topic and tp in ends}
        waiting = sum(max(ends[tp] - offset, 0) for tp, offset in at.items())
        gone = sum(max(first[tp] - offset, 0) for tp, offset in at.items())
        lags.append(Lag(topic, waiting if at else None, gone))
    return lags
