"""`panoptes health`: checks the workers on this machine; for container health checks."""

import asyncio
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import httpx

from streams.cli.loading import config_option, load_or_exit
from streams.pipeline import STAGES
from streams.runtime.settings.sections import WebSettings

EXIT_NOT_WELL: Final = 1
#: ports of one stage's workers, and how long one may take
_PORTS: Final = 10
_ANSWER_S: Final = 5.0


@click.command("health")
@config_option
@click.option("--stage", type=click.Choice([stage.name for stage in STAGES]), help="Only workers of this stage.")
@click.option("--ready", is_flag=True, help="Also whether they work: partitions assigned, tables read back.")
def command(config: Path | None, stage: str | None, *, ready: bool) -> None:
    """Check the workers on this machine: exit with 0 if at least one answers and all are healthy, else with 1."""
    web = load_or_exit(config).web
    if not web.base_port:
        raise click.ClickException("[web] base_port is 0: workers take any port, and cannot be found")
    answers = asyncio.run(ask(web, stage, "/ready" if ready else "/health"))
    bad = [f"{where}: {said}" for where, status, said in answers if status != httpx.codes.OK]
    if not answers:
        bad = [f"no worker answers on {web.host}, ports {web.base_port} and up"]
    click.echo("\n".join(bad) or f"well: {len(answers)}")
    sys.exit(EXIT_NOT_WELL if bad else 0)


async def ask(web: WebSettings, stage: str | None, path: str) -> list[tuple[str, int, str]]:
    """Ask each worker that answers: return its address, HTTP status and answer."""
    scheme, tls = ("https", ssl.create_default_context()) if web.ssl_certificate_file else ("http", None)
    if tls is not None:  # it is this machine's own, and its name is that by which others know it
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    limit = httpx.Limits(max_connections=_PORTS)
    async with httpx.AsyncClient(verify=tls or False, timeout=_ANSWER_S, limits=limit, trust_env=False) as client:
        asked = (_ask(client, f"{scheme}://{_host(web.host)}:{port}{path}") for port in _ports(web.base_port, stage))
        return [answer for answer in await asyncio.gather(*asked) if answer is not None]


async def _ask(client: httpx.AsyncClient, url: str) -> tuple[str, int, str] | None:
    try:
        answer = await client.get(url)
    except httpx.ConnectError:
        return None
    except httpx.HTTPError as problem:
        return url, 0, f"no answer within {_ANSWER_S:g} s ({type(problem).__name__})"
    said: object = answer.json() if "json" in answer.headers.get("content-type", "") else answer.text[:200]
    return url, answer.status_code, "; ".join(said["why"].values()) if isinstance(said, dict) else str(said)


def _ports(base: int, stage: str | None) -> Iterator[int]:
    for nth, each in enumerate(STAGES):
        if stage in (None, each.name):
            yield from range(base + nth * _PORTS, base + (nth + 1) * _PORTS)


def _host(bound: str) -> str:
    """Return where this machine reaches what binds that address."""
    if bound in ("0.0.0.0", "::"):  # noqa: S104 - nothing is bound here
        return "127.0.0.1" if bound == "0.0.0.0" else "[::1]"  # noqa: S104
    return f"[{bound}]" if ":" in bound else bound
