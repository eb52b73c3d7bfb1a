"""`panoptes doctor`: checks every service, and says what to do."""

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Final

import click

from streams.cli.loading import config_option, load_or_exit
from streams.runtime.doctor.examine import examine
from streams.runtime.doctor.findings import Finding, Level, worst

EXIT_FAULTS: Final = 1
_COLOURS: Final = {Level.OK: "green", Level.WARNING: "yellow", Level.FAULT: "red"}


@click.command("doctor")
@config_option
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(0.1, 600), default=5.0, show_default=True,
    help="Seconds that a service may take for its first answer.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(config: Path | None, timeout_s: float, *, as_json: bool) -> None:
    """Check Kafka, ZooKeeper, Redis, the registry, topics, leaders, lag, certificates and clocks.

    Exit status 0: nothing is wrong (there may be warnings). 1: something does not work. 2: wrong settings.
    """
    settings = load_or_exit(config)
    logging.disable(logging.CRITICAL)  # the clients' own lines say less than the findings
    try:
        findings = asyncio.run(examine(settings, timeout_s))
    finally:
        logging.disable(logging.NOTSET)
    for finding in findings:
        click.echo(json.dumps(finding._asdict()) if as_json else _line(finding))
    if worst(findings) is Level.FAULT:
        sys.exit(EXIT_FAULTS)


def _line(finding: Finding) -> str:
    level = click.style(f"{finding.level:<8}", fg=_COLOURS[finding.level])
    advice = f"\n{'':21}→ {finding.advice}" if finding.advice else ""
    return f"{level} {finding.about:<12}{finding.text}{advice}"
