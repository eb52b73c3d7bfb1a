"""The `panoptes` command: one file for each sub-command, loaded only when it is called."""

import importlib
import sys
from importlib import metadata
from typing import Final

import click

from streams.runtime.ops.compiled import running

#: sub-command -> the module under streams.cli whose `command` it is, and its help line
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "acls": ("operating.acls", "Show what each stage must be allowed in Kafka and Redis."),
    "backup": ("backups.backup", "Write what only this pipeline knows into a file."),
    "config": ("operating.config", "Check and show the configuration."),
    "console": ("operating.console", "Serve the console: what the topics say, for people and programs."),
    "dead-letters": ("topics.dead_letters", "Show what could not be processed, and hand it on once more."),
    "demo": ("operating.demo", "Run the whole pipeline against simulated devices, and show or check it."),
    "doctor": ("operating.doctor", "Ask every service how it is, and say what to do."),
    "discover": ("devices.discover", "Find devices."),
    "health": ("operating.health", "Ask the workers on this machine whether they live."),
    "init": ("operating.init", "Write a configuration to begin with."),
    "metrics": ("operating.metrics", "Show what numbers there are, and what they mean."),
    "poll": ("devices.poll", "Poll one device, or a recording of one, and show what comes back."),
    "profile": ("devices.profile", "Match, lint, test, draft and import device profiles."),
    "rate": ("topics.rate", "Turn samples into gauges, offline."),
    "resources": ("inventory.resources", "Show the inventory."),
    "restore": ("backups.restore", "Put back what a backup has."),
    "schemas": ("topics.schemas", "Check that every released record can still be read."),
    "secrets": ("operating.secrets", "Store the credentials of devices."),
    "sinks": ("topics.sinks", "Show and move the places of sinks."),
    "slots": ("topics.slots", "Prove that every scheduled slot is accounted for."),
    "stack": ("operating.stack", "Start and stop the local services."),
    "topics": ("topics.topics", "Create the topics that the pipeline needs."),
    "topology": ("topics.topology", "Show how devices are joined."),
    "where": ("topics.where", "Show behind which port an address was seen."),
    "walk": ("devices.walk", "Record everything that a device answers."),
}


class LazyGroup(click.Group):
    """A group that imports a sub-command's module when it is used, so that `panoptes --help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"streams.cli.{COMMANDS[cmd_name][0]}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in sorted(COMMANDS.items())])


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    """Print the version, the Python, and whether the modules that work on values are compiled."""
    if asked and not ctx.resilient_parsing:
        python = ".".join(map(str, sys.version_info[:3]))
        click.echo(f"panoptes, version {metadata.version('panoptes-streams')} (Python {python}; {running()})")
        ctx.exit()


@click.group(cls=LazyGroup)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show it and exit.")
def main() -> None:
    """Panoptes Streams: network telemetry as a stream."""
