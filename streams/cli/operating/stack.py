"""`panoptes stack`: starts, stops and shows the local services."""

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from streams.playground.services.cluster.recipes import CLUSTER
from streams.playground.services.local import Stack, StackKind
from streams.playground.services.problems import StackProblem
from streams.playground.services.recipes import RECIPES

STORE: Final = "victoria-metrics"

_state = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".state"),
    envvar="PANOPTES_STACK_STATE",
    show_default=True,
    show_envvar=True,
    help="Folder that holds the services' data, logs and stack.json.",
)
_jars = click.option(
    "--jars",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="PANOPTES_STACK_JARS",
    show_envvar=True,
    help="Folder for the jars that Maven brings.  [default: jars in the state folder]",
)
_only = click.option(
    "--only", metavar="NAME,...", default="", help=f"Only these of {', '.join(RECIPES)}; of a cluster kafka-1, …"
)


def _names(only: str) -> list[str]:
    return [name.strip() for name in only.split(",") if name.strip()]


def _ports(pairs: Sequence[str]) -> dict[str, int]:
    known = {name for recipe in (*RECIPES.values(), *CLUSTER.values()) for name in recipe.ports}
    chosen: dict[str, int] = {}
    for pair in pairs:
        name, _, number = pair.partition("=")
        if name not in known or not number.isdecimal() or not 0 < int(number) < 2**16:
            raise click.BadParameter(f"{pair!r}: expected NAME=PORT with NAME one of {', '.join(sorted(known))}")
        chosen[name] = int(number)
    return chosen


@click.group(name="stack")
def command() -> None:
    """Start and stop the local services: Kafka, ZooKeeper, Redis, a schema registry (Apicurio), and a store.

    The store is VictoriaMetrics, where the machine has it.
    """


@command.command()
@_state
@_jars
@_only
@click.option("--port", "ports", metavar="NAME=PORT", multiple=True, help="Listen there instead (kafka=19092, …).")
@click.option(
    "--secure",
    is_flag=True,
    help="TLS and SCRAM for Kafka, TLS for Redis, a user for each stage with its rights and no more (a new folder's).",
)
@click.option(
    "--cluster",
    is_flag=True,
    help="Three brokers, three ZooKeepers, Redis with a replica (a new folder's).",
)
@click.option("--free-ports", is_flag=True, help="Pick ports that nobody uses (at the folder's first start).")
@click.option(
    "--timeout", "timeout_s", type=float, default=90.0, show_default=True, help="Seconds until a service must answer."
)
def up(  # noqa: PLR0913 - options of a command
    state: Path,
    jars: Path | None,
    only: str,
    ports: tuple[str, ...],
    *,
    secure: bool,
    cluster: bool,
    free_ports: bool,
    timeout_s: float,
) -> None:
    """Start the services, and wait until each answers."""
    if secure and cluster:
        raise click.UsageError("--secure and --cluster: there is no stack that is both")
    kind = StackKind.SECURED if secure else StackKind.CLUSTER if cluster else StackKind.PLAIN
    began = time.monotonic()
    try:
        stack = Stack(state, ports=_ports(ports), free_ports=free_ports, jars=jars, kind=kind)
        for remark in stack.up(_names(only), timeout_s=timeout_s):
            click.echo(f"note: {remark}")
    except StackProblem as problem:
        raise click.ClickException(str(problem)) from problem
    _show(stack)
    if STORE not in stack.absent():
        url = stack.service(STORE).address
        click.echo(f"store: {url}/vmui · [sink:store] plugin = prometheus-remote-write, url = {url}")
    click.echo(f"up after {time.monotonic() - began:.1f} s")


@command.command()
@_state
@_only
def down(state: Path, only: str) -> None:
    """Stop the services; their data stays."""
    try:
        for remark in Stack(state).down(_names(only)):
            click.echo(f"note: {remark}")
    except StackProblem as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo("down")


@command.command()
@_state
@click.pass_context
def status(ctx: click.Context, state: Path) -> None:
    """Show each service: its process, its address, whether it answers. Exit 1 when one does not."""
    try:
        stack = Stack(state)
    except StackProblem as problem:
        raise click.ClickException(str(problem)) from problem
    if not _show(stack):
        ctx.exit(1)


@command.command()
@_state
@click.option("--stage", default="operator", show_default=True, help="Of a secured stack: as whose user.")
@click.option("--certificate", is_flag=True, help="Of a secured stack: Kafka is shown a certificate (mTLS).")
def env(state: Path, stage: str, *, certificate: bool) -> None:
    """Print the variables that point the pipeline at these services: eval "$(panoptes stack env)"."""
    try:
        variables = Stack(state).environment(stage, certificate=certificate)
    except StackProblem as problem:
        raise click.ClickException(str(problem)) from problem
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@command.command()
@_state
@_jars
def fetch(state: Path, jars: Path | None) -> None:
    """Fetch the jars of all services, so that a later `up` needs no network."""
    try:
        Stack(state, jars=jars).fetch()
    except StackProblem as problem:
        raise click.ClickException(str(problem)) from problem


@command.command()
@_state
def reset(state: Path) -> None:
    """Remove the data and logs of services that are down; the jars stay."""
    try:
        Stack(state).reset()
    except StackProblem as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo("empty")


def _show(stack: Stack) -> bool:
    """Print a line per service and return whether all answer."""
    rows = stack.status()
    for row in rows:
        how = "answers" if row.problem is None else row.problem
        click.echo(f"{row.name:<16} {row.pid or '-':>8}  {row.address:<45} {how}  (log: {row.log})")
    return all(row.problem is None or row.optional for row in rows)
