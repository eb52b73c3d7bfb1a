"""The plugin `netbox` on what a real NetBox answered: `make lab-netbox` asks one, and records it."""

from tests.lab.netbox import exchanges, sections


async def test_the_lab_is_found_in_it_page_by_page_and_what_is_refused_is_told():
    with exchanges.replaying(exchanges.read(sections.RECORDED), sections.TOKEN) as url:
        await sections.check(url)
