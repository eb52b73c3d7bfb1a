"""`panoptes demo`: runs services, pipeline and simulated devices on this machine, with a live view or a check."""

import asyncio
import logging
import os
from pathlib import Path

import click


@click.command(name="demo")
@click.option("--check", is_flag=True, help="No view: compare every rate with the truth, and exit 1 where they differ.")
@click.option("--measure", is_flag=True, help="With --check: print what each process cost.")
@click.option("--devices", default=24, show_default=True, type=click.IntRange(12, 10_000), help="Simulated devices.")
@click.option("--interval", "interval_s", default=15, show_default=True, type=click.IntRange(1, 60), help="Seconds.")
@click.option(
    "--events-every", "events_every_s", default=130.0, show_default=True, help="Seconds between reboots and the like."
)
@click.option("--cut-after", "cut_after_s", default=0.0, help="Seconds until a link goes down, to see how that looks.")
@click.option("--within", "within_s", default=300.0, show_default=True, help="Seconds that the check may take.")
@click.option(
    "--secure", is_flag=True, help="With TLS and a user for each stage, who may do what it needs and no more."
)
@click.option("--at-least", "at_least_s", default=0.0, help="Seconds that the check goes on at least.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".state/demo"),
    show_default=True,
    help="Folder for logs and data; made anew at each start.",
)
@click.option(
    "--jars",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".state/jars"),
    envvar="PANOPTES_STACK_JARS",
    show_default=True,
    help="Folder for the jars that Maven brings.",
)
def command(  # noqa: PLR0913 (one argument per option)
    *,
    check: bool,
    secure: bool,
    measure: bool,
    devices: int,
    interval_s: int,
    events_every_s: float,
    cut_after_s: float,
    within_s: float,
    at_least_s: float,
    state: Path,
    jars: Path,
) -> None:
    """Run the whole pipeline against simulated devices. Ctrl-C stops everything and leaves no process."""
    from streams.playground.demo.run import Demo, DemoOptions, DemoProblem  # noqa: PLC0415 - not needed for its processes' helpers

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the view reads what does not exist yet: no news
    options = DemoOptions(
        state=state.absolute(),
        jars=jars.absolute(),
        devices=devices,
        interval_s=interval_s,
        events_every_s=events_every_s,
        cut_after_s=cut_after_s,
        check=check,
        secure=secure,
        measure=measure,
        within_s=within_s,
        at_least_s=at_least_s,
    )
    for name in [name for name in os.environ if name.startswith("PANOPTES_")]:
        del os.environ[name]  # the demo's settings are its own, in every process of it
    try:
        status = asyncio.run(Demo(options).run())
    except DemoProblem as problem:
        raise click.ClickException(str(problem)) from problem
    raise SystemExit(status)
