"""`python -m tests.lab.check`: a lab, the pipeline inside it, and whether what it publishes is true."""

import os
import sys

import click

from streams.playground.demo.children import ChildEnded
from streams.playground.services.problems import StackProblem
from tests.lab import session, shell
from tests.lab.check.changes import NEWCOMER, with_newcomer
from tests.lab.check.run import run
from tests.lab.lab import Lab, read_spec
from tests.lab.spec import SpecProblem
from tests.lab.testbed.place import Place
from tests.lab.testbed.system import Interrupted, LabProblem

CACHE_S = 1
SHORTEST_S, LONGEST_S = 30, 600


@click.command()
@click.option("--name", default="check", show_default=True, help="Of the lab: two checks at a time need two.")
@click.option("--spec", "spec_name", default="leaf-spine", show_default=True, help="One of ours, or a file.")
@click.option(
    "--traffic", "traffic_s", default=60, show_default=True, type=int, help="Seconds, 30 to 600; 0: no numbers."
)
@click.option("--trouble", is_flag=True, help="Discovery's worker is killed, agents freeze, packets are lost.")
def main(name: str, spec_name: str, traffic_s: int, *, trouble: bool) -> None:
    """Bring a lab up, run the whole pipeline inside it, and compare what it publishes with the kernel's truth."""
    if traffic_s and not SHORTEST_S <= traffic_s <= LONGEST_S:
        raise click.BadParameter(f"expected 0, or {SHORTEST_S} to {LONGEST_S}", param_hint="--traffic")
    try:
        place = Place.named(name)
        with session.interruptible() as stop:
            if os.environ.get(shell.NAME) == name:
                folder = session.ROOT / ".state" / "lab-check" / name
                status = 0 if run(Lab(place), folder, traffic_s, None if trouble else NEWCOMER) else 1
            else:
                spec = read_spec(spec_name) if trouble else with_newcomer(read_spec(spec_name))
                with session.lab_up(place, spec, cache_s=CACHE_S, stop=stop, say=click.echo) as lab:
                    again = [sys.executable, "-m", "tests.lab.check", "--name", name, "--traffic", str(traffic_s)]
                    again += ["--trouble"] if trouble else []
                    status = session.run_inside(lab, again, shell.environment(lab))
    except Interrupted as problem:
        raise SystemExit(session.INTERRUPTED) from problem
    except (LabProblem, SpecProblem, StackProblem, ChildEnded) as problem:
        raise click.ClickException(str(problem)) from problem
    sys.exit(status)


if __name__ == "__main__":
    main()
