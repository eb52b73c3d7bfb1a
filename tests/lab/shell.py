"""The shell of `make lab`: what it knows, and what it says one could try."""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from tests.lab import session
from tests.lab.lab import Lab
from tests.lab.spec import Agent

#: which lab this is, for everything that is started inside it
NAME: Final = "LAB_NAME"

_SAY: Final = """
You are in the collector's namespace of lab {name!r}: it reaches the nodes, and nothing else. Try

  lab status                                    the nodes, and what they know of one another
  printf %s {community} | panoptes poll {address}      one device as the pipeline reads it
  lab exec {node} ip -s link                    a command in a node
  lab vtysh {node} 'show bgp summary'           FRR's shell
  lab move-cable {plugged} {into}       a cable into another port
  lab traffic {hosts} 20 10                20 Mbit/s of UDP for 10 s

`lab --help` has them all. Leaving the shell takes the lab down.
"""


def environment(lab: Lab) -> Mapping[str, str]:
    """Return the environment of what runs inside the lab: our commands come first on its PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, NAME: lab.place.name, "PATH": path, "MIBS": ""}


def run(lab: Lab) -> int:
    """Give a shell until it is left, and return its exit status."""
    click.echo(hints(lab))
    settings = lab.place.folder / "bashrc"
    settings.write_text(
        "[ ! -f ~/.bashrc ] || . ~/.bashrc\n"
        f'lab() ( cd {shlex.quote(str(session.ROOT))} && {shlex.quote(sys.executable)} -m tests.lab "$@"; )\n'
        f"PS1='({lab.place.name}) \\w \\$ '\n"
    )
    return session.run_inside(lab, ("bash", "--rcfile", str(settings), "-i"), environment(lab), terminal=True)


def hints(lab: Lab) -> str:
    """Return what one could try, with names of this lab."""
    nodes = list(lab.spec.nodes.values())
    asked = next((node for node in nodes if node.agent is Agent.FULL), nodes[0])
    router = next((node for node in nodes if node.router), nodes[0])
    hosts = [node.name for node in nodes if not node.router]
    plugged, other = (lab.spec.cables[-1].a.port, lab.spec.cables[0].a.port) if lab.spec.cables else ("NODE:PORT", None)
    return _SAY.format(
        name=lab.place.name,
        community=asked.community,
        address=asked.management,
        node=router.name,
        plugged=plugged,
        into=f"{other.node}:swp99" if other else "NODE:PORT",
        hosts=" ".join((hosts[0], hosts[-1]) if hosts else ("NODE", "NODE")),
    )
