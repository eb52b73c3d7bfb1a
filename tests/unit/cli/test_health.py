"""`panoptes health` finds the workers of this machine, and fails where one is not well or none is there."""

import json
from http.server import BaseHTTPRequestHandler

import pytest
from click.testing import CliRunner

from streams.cli import main
from streams.pipeline import STAGES
from tests.http_server import http_server


def worker(status: int, why: dict[str, str]) -> type[BaseHTTPRequestHandler]:
    class Worker(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"path": self.path, "why": why}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    return Worker


def asked(port: int, *options: str):
    """Ask as if that port were the third of the polling stage's."""
    base = port - 2 - 10 * [stage.name for stage in STAGES].index("polling")
    options = ("--stage", "polling", *options)
    return CliRunner().invoke(main, ["health", *options], env={"PANOPTES_WEB_BASE_PORT": str(base)})


@pytest.mark.parametrize(
    ("status", "why", "code", "said"),
    [
        pytest.param(200, {}, 0, "well: 1", id="well"),
        pytest.param(503, {"loop": "the event loop has been blocked for 40 s"}, 1, "blocked for 40 s", id="not-well"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--ready",)])
def test_a_worker_that_answers_is_judged_by_what_it_says(status, why, code, said, options):
    with http_server(worker(status, why)) as url:
        found = asked(int(url.rpartition(":")[2]), *options)
    assert found.exit_code == code
    assert said in found.output


def test_no_worker_at_all_is_not_well():
    with http_server(worker(200, {})) as url:
        port = int(url.rpartition(":")[2])
    found = asked(port)
    assert found.exit_code == 1
    assert "no worker answers on 127.0.0.1" in found.output


def test_workers_on_any_port_cannot_be_found():
    found = CliRunner().invoke(main, ["health"], env={"PANOPTES_WEB_BASE_PORT": "0"})
    assert found.exit_code == 1
    assert "base_port is 0" in found.output
