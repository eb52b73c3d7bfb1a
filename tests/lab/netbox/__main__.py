"""`python -m tests.lab.netbox URL`: fill a NetBox with the lab, hold the plugin against it, and record its answers."""

import asyncio

import click

from tests.lab.netbox import exchanges, sections
from tests.lab.netbox.filling import connect, fill


@click.command()
@click.argument("url")
@click.option("--record", is_flag=True, help="Keep its answers in tests/golden/netbox, for the tests that always run.")
def main(url: str, record: bool) -> None:
    """Check the plugin `netbox` on a real one, which is filled first."""
    api = connect(url, sections.TOKEN)
    fill(api, sections.SPEC)
    click.echo(f"NetBox {api.status()['netbox-version']}, {api.dcim.devices.count()} devices")
    with exchanges.recording(url, sections.TOKEN) as (proxy, answers):
        asyncio.run(sections.check(proxy))
    click.echo(f"the plugin is right about them; {len(answers)} answers")
    if record:
        sections.RECORDED.parent.mkdir(exist_ok=True)
        exchanges.write(sections.RECORDED, answers)


if __name__ == "__main__":
    main()
