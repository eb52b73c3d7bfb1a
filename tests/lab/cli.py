"""The commands of `python -m tests.lab`."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

from tests.lab import session, shell, spec
from tests.lab.lab import CACHE_S, Lab, down, read_spec, up
from tests.lab.testbed import faults
from tests.lab.testbed.place import Place
from tests.lab.testbed.system import Interrupted, LabProblem, within

ON_OFF: Final = click.Choice(["up", "down"])
_named = click.option("--name", default="lab", show_default=True, envvar=shell.NAME, help="Several run side by side.")
_spec = click.option("--spec", "spec_name", default="leaf-spine", show_default=True, help="One of ours, or a file.")
_cache = click.option(
    "--counters", "cache_s", default=CACHE_S, show_default=True, type=click.IntRange(1, 60),
    help="Seconds for which agents keep what they have read of interfaces.",
)  # fmt: skip
_passed_on: Final[dict[str, Any]] = {"context_settings": {"ignore_unknown_options": True}}


@contextmanager
def _told() -> Iterator[None]:
    """Turn what goes wrong into a line and an exit status."""
    try:
        yield
    except Interrupted as problem:
        click.echo("lab: interrupted; it is down", err=True)
        raise SystemExit(session.INTERRUPTED) from problem
    except (LabProblem, spec.SpecProblem) as problem:
        raise click.ClickException(str(problem)) from problem


def _say(line: str) -> None:
    click.echo(line, err=True)


def _lab(name: str) -> Lab:
    return Lab(Place.named(name))


@click.group()
def main() -> None:
    """A real network in namespaces: FRR, lldpd, net-snmp, iperf3. docs/lab.md tells more."""


@main.command("up")
@_named
@_spec
@_cache
def up_command(name: str, spec_name: str, cache_s: int) -> None:
    """Build the lab, and return when every node knows its neighbours."""
    with _told(), session.interruptible() as stop:
        up(Place.named(name), read_spec(spec_name), cache_s=cache_s, stop=stop, say=_say)


@main.command("down")
@_named
def down_command(name: str) -> None:
    """End everything of the lab; safe at any time, also after a crash."""
    with _told():
        down(Place.named(name))


@main.command()
@_named
def status(name: str) -> None:
    """Show each node: its daemons, and what its agent shows of its neighbours."""
    with _told():
        for line in _lab(name).status():
            click.echo(line)


@main.command("exec", **_passed_on)
@_named
@click.argument("node")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_command(name: str, node: str, command: tuple[str, ...]) -> None:
    """Run a command in the namespace of a node, or of the `collector`."""
    with _told():
        full = within(_lab(name).namespace(node), *command)
    os.execvp(full[0], full)  # noqa: S606 - what the user says, without a shell


@main.command()
@_named
@click.argument("node")
@click.argument("commands", nargs=-1, required=True)
def vtysh(name: str, node: str, commands: tuple[str, ...]) -> None:
    """Give commands to FRR's shell of a node."""
    with _told():
        click.echo(_lab(name).truth.vtysh(node, *commands), nl=False)


@main.command()
@_named
@click.argument("port")
@click.argument("state", type=ON_OFF)
def link(name: str, port: str, state: str) -> None:
    """Set a port (NODE:PORT) up or down; the other end loses its carrier."""
    with _told():
        faults.set_link(_lab(name), spec.port(port), state)


@main.command("move-cable")
@_named
@click.argument("plugged")
@click.argument("into")
def move_cable(name: str, plugged: str, into: str) -> None:
    """Pull the cable out of one port (NODE:PORT) and plug it into another."""
    with _told():
        faults.move_cable(_lab(name), spec.port(plugged), spec.port(into))


@main.command()
@_named
@click.argument("node")
@click.argument("peer")
@click.argument("state", type=ON_OFF)
def bgp(name: str, node: str, peer: str, state: str) -> None:
    """Shut a BGP session (the peer's address), or let it come up again."""
    with _told():
        faults.set_bgp(_lab(name), node, peer, state)


@main.command()
@_named
@click.argument("node")
@click.argument("action", type=click.Choice(["stop", "start", "restart", "freeze", "thaw"]))
def snmpd(name: str, node: str, action: str) -> None:
    """Do something to a node's agent."""
    with _told():
        faults.set_snmpd(_lab(name), node, action)


@main.command()
@_named
@click.argument("node")
@click.argument("settings", nargs=-1, required=True, metavar="clear | [loss=PERCENT] [delay=MS] …")
def impair(name: str, node: str, settings: tuple[str, ...]) -> None:
    """Make the line between a node and the collector bad, in each direction: loss, delay, jitter, dup."""
    with _told():
        faults.impair(_lab(name), node, [] if settings == ("clear",) else list(settings))


@main.command()
@_named
@click.argument("source")
@click.argument("sink")
@click.argument("mbit_per_s", type=click.FloatRange(0.01, 10_000))
@click.argument("seconds", type=click.IntRange(1, 600))
def traffic(name: str, source: str, sink: str, mbit_per_s: float, seconds: int) -> None:
    """Send UDP from one node to another for so long."""
    with _told():
        click.echo(faults.traffic(_lab(name), source, sink, mbit_per_s, seconds))


@main.command(**_passed_on)
@_named
@_spec
@_cache
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(name: str, spec_name: str, cache_s: int, command: tuple[str, ...]) -> None:
    """Bring the lab up, run a command in the collector's namespace, take the lab down; the command's exit status."""
    _held(name, spec_name, cache_s, lambda lab: session.run_inside(lab, command, shell.environment(lab)))


@main.command("shell")
@_named
@_spec
@_cache
def shell_command(name: str, spec_name: str, cache_s: int) -> None:
    """Bring the lab up, and give a shell in the collector's namespace; its end is the lab's end."""
    _held(name, spec_name, cache_s, shell.run)


def _held(name: str, spec_name: str, cache_s: int, work: Callable[[Lab], int]) -> None:
    with _told(), session.interruptible() as stop:
        place = Place.named(name)
        with session.lab_up(place, read_spec(spec_name), cache_s=cache_s, stop=stop, say=_say) as lab:
            status = work(lab)
    sys.exit(status)
