"""Workers that start together each get a port, and serve there."""

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing
from typing import Any
from urllib.request import urlopen

import faust
import httpx
import pytest
from aiohttp.web import AppRunner, Response

from schemas.errors import FatalError
from streams.playground.services.secured.authority import Authority, Files
from streams.runtime.faust.web import BoundWeb
from streams.runtime.ops import ports
from streams.runtime.ops.ports import listening
from streams.runtime.settings.sections import WebSettings

TOGETHER = 5
WORKER = """
import asyncio, sys
import faust
from streams.runtime.faust.web import BoundWeb
from streams.runtime.settings.sections import WebSettings

class App(faust.App):
    def _new_web(self):
        return BoundWeb(self, WebSettings(), int(sys.argv[1]))

app = App("worker", broker="kafka://127.0.0.1:9", store="memory://", web_cors_options=None)

@app.page("/who/")
async def who(web, request):
    return web.json({"port": app.conf.web_port})

async def serve():
    app.web.init_server()
    print("ready", flush=True)
    sys.stdin.readline()
    await app.web.start_server()
    print(app.web.port, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await app.web.stop_server()

asyncio.run(serve())
"""


def line_of(worker: "subprocess.Popen[str]") -> str:
    assert worker.stdout is not None
    return worker.stdout.readline().strip()


def tell(worker: "subprocess.Popen[str]") -> None:
    assert worker.stdin is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()


@pytest.fixture
def first() -> Iterator[int]:
    """A port that somebody has, with others behind it."""
    while True:
        with closing(listening("127.0.0.1", 0)) as taken:
            port: int = taken.getsockname()[1]
            if port < 65_000:
                yield port
                return


@pytest.mark.timeout(60)
def test_workers_that_start_together_each_listen_on_a_port_of_their_own(first: int) -> None:
    with ExitStack() as open_ones:
        workers = [
            open_ones.enter_context(
                subprocess.Popen(  # noqa: S603
                    [sys.executable, "-c", WORKER, str(first)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(TOGETHER)
        ]
        for worker in workers:
            open_ones.callback(worker.kill)
        assert [line_of(worker) for worker in workers] == ["ready"] * TOGETHER
        for worker in workers:
            tell(worker)
        found = [int(line_of(worker)) for worker in workers]
        assert len(set(found)) == TOGETHER
        assert first not in found
        for port in found:
            with urlopen(f"http://127.0.0.1:{port}/who/", timeout=10) as answer:
                assert json.load(answer) == {"port": port}
        for worker in workers:
            tell(worker)
        assert [worker.wait(20) for worker in workers] == [0] * TOGETHER


@pytest.mark.parametrize(
    ("first", "taken", "found"),
    [
        pytest.param(6066, range(0), 6066, id="its-own"),
        pytest.param(6066, range(6066, 6069), 6069, id="the-next-free-one"),
        pytest.param(6066, range(6066, 6076), 0, id="any-where-ten-are-taken"),
        pytest.param(0, range(1, 65_536), 0, id="any-where-any-is-wanted"),
    ],
)
def test_which_port_is_taken(first: int, taken: range, found: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_or_refuse(_family: int, address: tuple[str, int]) -> int:
        if address[1] in taken:
            raise OSError("taken")
        return address[1]

    monkeypatch.setattr(ports, "_listening", open_or_refuse)
    assert listening("127.0.0.1", first) == found


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "localhost"])
def test_any_address_of_this_machine_is_listened_on(host: str) -> None:
    if ":" in host and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with closing(listening(host, 0)) as sock:
        assert sock.getsockname()[1] > 0


async def test_a_host_that_is_none_of_this_machine_ends_the_worker_with_a_line() -> None:
    app = faust.App("worker", broker="kafka://127.0.0.1:9", store="memory://")
    web: Any = BoundWeb(app, WebSettings(host="192.0.2.1"), 6066)
    with pytest.raises(FatalError, match=r"\[web\] host 192.0.2.1: expected an address of this machine"):
        await web.start_server()
    await web.stop_server()


@pytest.fixture
def files(tmp_path) -> Files:
    return Authority(tmp_path).files("web")


@pytest.fixture
def settings(files) -> WebSettings:
    names = {"ssl_certificate_file": str(files.certificate), "ssl_key_file": str(files.key)}
    return WebSettings(**names, token="open sesame")  # noqa: S106 - the test's own


@pytest.fixture
async def guarded(settings, files) -> AsyncIterator[tuple[str, ssl.SSLContext]]:
    """A worker's server with a certificate and a token: its address, and a context that trusts it."""
    app = faust.App("guarded", broker="kafka://127.0.0.1:9", store="memory://", web_cors_options=None)
    web = BoundWeb(app, settings, 0)

    async def shown(_request: Any) -> Response:
        return Response(text="shown")

    for path in ("/metrics", "/health", "/ready"):
        web.web_app.router.add_get(path, shown)
    runner = AppRunner(web.web_app)
    await runner.setup()
    web._runner = runner
    await web._create_site().start()
    yield web.address, ssl.create_default_context(cafile=str(files.authority))
    await runner.cleanup()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("/metrics", {}, 401, id="no-token"),
        pytest.param("/metrics", {"Authorization": "Bearer open"}, 401, id="wrong-token"),
        pytest.param("/metrics", {"Authorization": "Bearer open sesame"}, 200, id="the-token"),
        pytest.param("/health", {}, 200, id="a-probe"),
        pytest.param("/ready", {}, 200, id="another-probe"),
        pytest.param("/elsewhere", {}, 401, id="what-is-not-there"),
    ],
)
async def test_a_server_with_a_token_shows_what_it_should_and_by_tls_only(guarded, path, headers, status):
    address, trusting = guarded
    assert address.startswith("https://127.0.0.1:")
    async with httpx.AsyncClient(verify=trusting, trust_env=False) as client:
        assert (await client.get(address + path, headers=headers)).status_code == status
        with pytest.raises(httpx.HTTPError):
            await client.get(address.replace("https", "http") + path, headers=headers)
