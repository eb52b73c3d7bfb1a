"""Devices from a URL, NetBox and Nautobot: the good ones become resources; a source that fails takes nothing away."""

import asyncio
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from pollers.plugins.base import OptionError, PluginContext
from pollers.plugins.batch import TryAgain
from pollers.plugins.sources.http import Http
from pollers.plugins.sources.netbox import nautobot, netbox
from tests.http_server import http_server

NOW_MS = 1_790_000_000_000
TOKEN = {"secret": "inventory"}  #: its name
OTHER = {"secret": "other"}
PARTS = {"site": "fra1", "class": "network", "subclass": "switch", "type": "cisco"}


async def secret(name):
    if name != "inventory":
        raise TryAgain(f"there is no secret {name}")
    return "t0ken"


def context(**options):
    return PluginContext(
        section="src", interval_s=60, options=options, snmp=None, now_ms=lambda: NOW_MS, secret=secret
    )  # fmt: skip


async def read(answer, url="http://inv.test/list.json?key=hidden", **options):
    """Return what a section makes of an answer: a text, a response, or what raises."""
    asked = []

    def handle(request):
        asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, text=answer)

    plugin = Http(context(url=url, **options), httpx.MockTransport(handle))
    return await plugin.discover(), asked


def seen(found):
    return {each.resource_id: each for each in found.resources}


async def test_a_list_is_read_as_from_a_file():
    found, _ = await read(json.dumps([{**PARTS, "id": "sw1", "endpoint": "10.0.0.1"}, {"id": "sw2"}]))
    assert [each.identity for each in found.resources] == ["fra1|network|switch|cisco|sw1"]
    assert (len(found.problems), found.failed) == (1, "")
    assert found.problems[0].startswith("http://inv.test/list.json:1: site is missing")


@pytest.mark.parametrize("said", [{}, {"format": "prometheus"}], ids=["found-out", "said"])
async def test_targets_of_prometheus_become_resources_and_their_labels_labels(said):
    groups = [
        {"targets": ["10.0.0.1", "10.0.0.2:1161"], "labels": {"site": "ams1", "rack": "7", "__meta_x": "y"}},
        {"targets": ["[2001:db8::1]:161", 7], "labels": {"id": "v6", "type": "juniper"}},
        {"targets": [], "labels": {}},
        {"targets": "10.0.0.3"},
    ]
    found, _ = await read(json.dumps(groups), **PARTS, **said)
    resources = seen(found)
    assert {name: (each.site, each.endpoint, each.labels) for name, each in resources.items()} == {
        "10.0.0.1": ("ams1", "10.0.0.1", {"rack": "7"}),
        "10.0.0.2": ("ams1", "10.0.0.2:1161", {"rack": "7"}),
        "v6": ("fra1", "[2001:db8::1]:161", {}),
    }
    assert resources["v6"].resource_type == "juniper"
    assert [line.partition(": ")[0] for line in found.problems] == [
        "http://inv.test/list.json#target:4", "http://inv.test/list.json#target:5",
    ]  # fmt: skip


async def test_the_token_is_sent_as_bearer_or_with_a_user_as_password():
    _, [bearer] = await read("[]", **TOKEN)
    _, [basic] = await read("[]", **TOKEN, username="u")
    assert bearer.headers["authorization"] == "Bearer t0ken"
    assert basic.headers["authorization"] == "Basic dTp0MGtlbg=="


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(httpx.Response(401), "HTTP|refused: check the secret", id="refused"),
        pytest.param(httpx.Response(503), "HTTP status 503", id="broken"),
        pytest.param(httpx.ConnectError("no route"), "ConnectError: no route", id="away"),
        pytest.param("<html><body>log in</body>", "found HTML or XML", id="html"),
        pytest.param("[1, 2", "list.json", id="damaged"),
        pytest.param(httpx.Response(200, content=b"\xff\xfe\xfd"), "not UTF-8", id="no-text"),
    ],
)
async def test_a_source_that_fails_is_told_in_one_line_without_its_query(answer, says):
    found, _ = await read(answer)
    assert found.resources == ()
    assert says.rpartition("|")[2] in found.failed
    assert "hidden" not in found.failed + "".join(found.problems)


async def test_a_secret_that_is_missing_is_a_failure_too():
    found, asked = await read("[]", **OTHER)
    assert ("there is no secret other" in found.failed, asked) == (True, [])


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({}, "url"),
        ({"url": "ftp://x"}, "url"),
        ({"url": "http://u:p@x"}, "url"),
        ({"url": "http://x", "format": "xml"}, "format"),
        ({"url": "http://x", "ttl_s": "0"}, "ttl_s"),
        ({"url": "http://x", "username": "u"}, "username"),
        ({"url": "http://x", "filter_": "u"}, "filter_"),
        ({"url": "http://x", "site": "a|b"}, "site"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(options, option):
    with pytest.raises(OptionError) as caught:
        Http(context(**options))
    assert option in caught.value.problems
    assert "p@" not in str(caught.value)


# NetBox and Nautobot: a server with answers of the shape that their API documents


def device(number, **more):
    return {
        "id": number,
        "url": f"http://127.0.0.1/api/dcim/devices/{number}/",
        "name": f"leaf{number}",
        "site": {"id": 1, "name": "Frankfurt 1", "slug": "fra1"},
        "role": {"id": 2, "name": "Leaf", "slug": "leaf"},
        "platform": {"id": 3, "name": "FRR", "slug": "frr"},
        "status": {"value": "active", "label": "Active"},
        "serial": f"S{number}",
        "primary_ip": {"id": 9, "address": f"10.99.0.{number}/24", "family": {"value": 4, "label": "IPv4"}},
        "primary_ip4": {"id": 9, "address": f"10.99.0.{number}/24"},
        "primary_ip6": {"id": 8, "address": f"2001:db8::{number}/64"},
        "tags": [{"id": 1, "name": "Core", "slug": "core"}, {"id": 2, "name": "Lab", "slug": "lab"}],
        "rack": {"id": 7, "name": "R7"},
        "custom_fields": {"owner": "noc", "empty": None},
        **more,
    }


class Api:
    """Pages of devices, as NetBox has them; `broken` answers in its place."""

    def __init__(self, devices):
        self.devices, self.broken, self.queries, self.tokens = devices, None, [], set()
        self.repeats = False

    def page(self, base, query):
        self.queries.append(query)
        limit, offset = int(query.get("limit", ["50"])[0]), int(query.get("offset", ["0"])[0])
        following = 0 if self.repeats else offset + limit
        more = following < len(self.devices)
        rest = "&".join(f"{name}={value}" for name, [value] in query.items() if name not in ("limit", "offset"))
        return {
            "count": len(self.devices),
            "next": f"{base}/api/dcim/devices/?limit={limit}&offset={following}&{rest}" if more else None,
            "previous": None,
            "results": self.devices[offset : offset + limit],
        }


@contextmanager
def serving(api):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            api.tokens.add(self.headers.get("authorization"))
            host = f"http://{self.headers['host']}"
            status, kind, body = api.broken or (200, "application/json", None)
            if body is None:
                body = json.dumps(api.page(host, parse_qs(urlsplit(self.path).query)))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    with http_server(Handler) as url:
        yield url


async def listed(api, make=netbox, **options):
    with serving(api) as url:
        plugin = make(context(url=url, **{"secret": "inventory", **options}))
        async with asyncio.timeout(20):
            return await plugin.discover()


async def test_devices_of_netbox_become_resources_page_by_page():
    api = Api([device(number) for number in range(1, 8)])
    labels = "rack=rack.name, tags=tags.slug, owner=custom_fields.owner, none=custom_fields.empty"
    found = await listed(api, page_size="3", query="status=active&site=fra1", labels=labels)
    assert (len(found.resources), found.problems, found.failed) == (7, [], "")
    leaf = seen(found)["leaf3"]
    assert leaf.identity == "fra1|network|leaf|frr|leaf3"
    assert (leaf.endpoint, leaf.addresses) == ("10.99.0.3", ("10.99.0.3", "2001:db8::3"))
    assert leaf.labels == {"rack": "R7", "tags": "core,lab", "owner": "noc"}
    assert (leaf.identifiers, leaf.plugins) == ({"serial": "S3"}, ("src",))
    assert api.tokens == {"Token t0ken"}
    assert len(api.queries) == 3
    assert {(query["status"][0], query["site"][0]) for query in api.queries} == {("active", "fra1")}


async def test_fields_are_mapped_by_settings_and_what_a_device_lacks_is_the_sections():
    api = Api([device(1, platform=None, primary_ip={"address": "2001:db8::9/64"}), device(2, primary_ip=None)])
    found = await listed(api, type="linux", site_from="rack.name", subclass_from="tags.name", id_from="serial")
    assert [each.identity for each in found.resources] == ["R7|network|Core,Lab|linux|S1"]
    assert found.resources[0].endpoint == "[2001:db8::9]"
    assert [line.rpartition("#")[2] for line in found.problems] == ["device:2: endpoint is missing: add it"]


async def test_nautobot_is_read_by_location_and_asked_for_what_devices_refer_to():
    api = Api([device(1, location={"name": "Berlin"}, site=None)])
    found = await listed(api, nautobot)
    assert [each.identity for each in found.resources] == ["Berlin|network|Leaf|FRR|leaf1"]
    assert api.queries[0]["depth"] == ["1"]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        pytest.param((403, "application/json", '{"detail": "Invalid token"}'), "check the secret", id="token-refused"),
        pytest.param((200, "text/html", "<html>log in</html>"), "expected JSON of the API", id="html"),
        pytest.param((200, "application/json", "[1, 2]"), "none of the API's", id="another-api"),
        pytest.param((400, "application/json", '{"site": "unknown"}'), "the query is refused", id="query"),
        pytest.param((502, "text/html", "<html>"), "HTTP status 502", id="proxy"),
    ],
)
async def test_a_netbox_that_fails_is_told_in_one_line(broken, says):
    api = Api([device(1)])
    api.broken = broken
    found = await listed(api)
    assert (found.resources, says in found.failed) == ((), True), found.failed


async def test_a_page_that_repeats_itself_ends_the_run():
    api = Api([device(number) for number in range(1, 8)])
    api.repeats = True
    found = await listed(api, page_size="3")
    assert (found.resources, "came twice" in found.failed) == ((), True), found.failed


async def test_a_netbox_that_is_away_has_failed():
    with serving(Api([])) as url:
        pass
    found = await netbox(context(url=url)).discover()
    assert "ConnectionError" in found.failed
