"""Pages are served by site, device and group in the form that was asked for, and only to who may see them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from pollers.plugins.base import OptionError, PluginContext, ViewSinkPlugin
from streams.runtime.plugins import NoAccess
from streams.sinks.senders.agent_scrape import ScrapeSink, create
from tests.unit.sinks.batches import batch, decoding
from tests.unit.sinks.gauges import gauge

DEVICES = ("fra1|network|switch|cisco|sw1", "ber1|network|router|juniper|r1")
OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}


def sink(**options: str) -> ScrapeSink:
    context = PluginContext(section="page", interval_s=0, options=options, snmp=NoAccess(), now_ms=lambda: 0)
    return create(context)


@asynccontextmanager
async def asking(served: ScrapeSink) -> AsyncIterator[httpx.AsyncClient]:
    await served.write(batch([gauge(resource=one, site=one[:4]) for one in DEVICES], decoding()))
    transport = httpx.ASGITransport(served.application())
    async with httpx.AsyncClient(transport=transport, base_url="http://pages.example.net:9469") as client:
        yield client


async def test_a_page_has_all_or_what_the_parameters_leave():
    async with asking(sink()) as client:
        everything = await client.get("/metrics")
        assert everything.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert 'device="sw1"' in everything.text
        assert 'device="r1"' in everything.text
        one = await client.get("/metrics", params={"site": "ber1", "device": "r1"}, headers=OPENMETRICS)
        assert one.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        devices = {found.labels.get("device") for family in openmetrics(one.text) for found in family.samples}
        assert devices == {"r1"}
        assert (await client.get("/metrics", params={"group": "cpu"})).text == ""


async def test_a_parameter_that_is_none_is_told():
    async with asking(sink()) as client:
        answer = await client.get("/metrics", params={"devices": "r1"})
        assert (answer.status_code, answer.text) == (400, "expected site, device, group, found devices\n")


async def test_every_device_is_a_target_with_its_labels_and_its_own_page():
    async with asking(sink()) as client:
        targets = (await client.get("/sd")).json()
        assert [one["targets"] for one in targets] == [["pages.example.net:9469"]] * 2
        labels = targets[1]["labels"]
        assert labels["instance"] == "fra1/sw1"
        assert labels["__meta_panoptes_type"] == "cisco"
        assert labels["__meta_panoptes_rack"] == "r7"
        named = {name.removeprefix("__param_"): labels[name] for name in ("__param_site", "__param_device")}
        page = (await client.get("/metrics", params=named)).text
        assert 'device="sw1"' in page
        assert 'device="r1"' not in page


async def test_a_device_that_left_is_neither_on_the_page_nor_a_target():
    served = sink()
    async with asking(served) as client:
        served.left(DEVICES[0])
        assert 'device="sw1"' not in (await client.get("/metrics")).text
        assert len((await client.get("/sd")).json()) == 1


async def test_without_the_token_nothing_is_shown(tmp_path: Path):
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    async with asking(sink(bearer_token_file=str(token))) as client:
        for path in ("/metrics", "/sd"):
            refused = await client.get(path)
            assert (refused.status_code, refused.text) == (401, "expected a bearer token\n")
            assert (await client.get(path, headers={"Authorization": "Bearer wrong"})).status_code == 401
            assert (await client.get(path, headers={"Authorization": "Bearer s3cret"})).status_code == 200
        token.write_text("changed")
        assert (await client.get("/sd", headers={"Authorization": "Bearer s3cret"})).status_code == 401


@pytest.mark.parametrize(
    ("options", "option", "why"),
    [
        pytest.param({"listen": "9469"}, "listen", "an address and a port", id="no-address"),
        pytest.param({"listen": "127.0.0.1:x"}, "listen", "an address and a port", id="no-port"),
        pytest.param({"listen": "0.0.0.0:9469"}, "listen", "bearer_token_file where", id="open-to-all"),
        pytest.param({"key_file": "k"}, "certificate_file", "together", id="key-alone"),
        pytest.param({"max_rows": "0"}, "max_rows", "a number from 1", id="no-rows"),
        pytest.param({"naming": "own"}, "naming", "one of panoptes, snmp-exporter", id="naming"),
        pytest.param({"url": "http://x"}, "url", "expected one of", id="url"),
    ],
)
def test_options_that_will_not_do_are_told(options: dict[str, str], option: str, why: str):
    with pytest.raises(OptionError) as raised:
        sink(**options)
    assert why in raised.value.problems[option]


def test_it_is_a_view():
    assert isinstance(sink(), ViewSinkPlugin)
