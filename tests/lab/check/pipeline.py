"""The services and the stages, inside the collector's namespace: their loopback is that namespace's own."""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import redis

from streams.pipeline import STAGES
from streams.playground.demo import layout
from streams.playground.demo.children import Children
from streams.playground.services import Stack
from streams.playground.services.keeper import kept
from tests.lab.check.found import Found
from tests.lab.session import ROOT
from tests.lab.testbed import system

JARS: Final = Path(os.environ.get("PANOPTES_STACK_STATE", ROOT / ".state")) / "jars"
PREFIX: Final = "lab"
COMMAND: Final = (sys.executable, "-c", "from streams.cli import main; main()")
TOPICS_TIMEOUT_S: Final = 60.0

_INI: Final = """\
[panoptes]
state_dir = {state}
topic_prefix = {prefix}

[web]
base_port = 0

{discovery}
[enrichment:facts]
plugin = device-facts
interval_s = 60

[enrichment:interfaces]
plugin = interfaces
interval_s = 60

[enrichment:addresses]
plugin = addresses
interval_s = 60

[enrichment:inventory]
plugin = inventory
interval_s = 60

[enrichment:bgp]
plugin = bgp
interval_s = 60

[polling:snmp]
plugin = snmp
interval_s = {interval_s}
"""


@contextlib.contextmanager
def running(folder: Path, found: Found, interval_s: int) -> Iterator[tuple[Stack, Children]]:
    """Give the pipeline, with nothing in its topics yet. Raises StackProblem, LabProblem."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    ini = folder / "panoptes.ini"
    state = folder / "state"
    ini.write_text(_INI.format(state=state, prefix=PREFIX, discovery=found.section, interval_s=interval_s))
    for name in [name for name in os.environ if name.startswith("PANOPTES_")]:
        del os.environ[name]
    with kept(Stack(folder / "stack", jars=JARS)) as stack:
        stack.up()
        environment = {**stack.environment(), "PANOPTES_CONFIG": str(ini)}
        with contextlib.closing(redis.Redis.from_url(stack.service("redis").address)) as client:
            for key, fields in found.secrets.items():
                for field, value in fields.items():
                    client.hset(key, field, value)
        given = [f"{name}={value}" for name, value in environment.items()]
        system.run("env", "-C", str(ROOT), *given, *COMMAND, "topics", "create", timeout_s=TOPICS_TIMEOUT_S)
        children = Children(folder / "logs", environment, ROOT)
        try:
            for stage in (stage for stage in STAGES if not stage.for_each):
                children.start(stage.name, layout.stage_command(sys.executable, stage.name))
            yield stack, children
        finally:
            children.stop()
