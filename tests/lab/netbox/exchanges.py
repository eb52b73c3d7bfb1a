"""Answers of an API, recorded through a proxy and given again: what a test asks must be what was asked then."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final, NamedTuple

from tests.http_server import http_server

BASE: Final = "{base}"  #: in the place of the server's own address
TIMEOUT_S: Final = 60


class Asked(NamedTuple):
    path: str  #: with its query
    good_token: bool


class Answer(NamedTuple):
    status: int
    kind: str  #: Content-Type
    body: str


Answers = dict[Asked, Answer]


@contextmanager
def recording(url: str, token: str) -> Iterator[tuple[str, Answers]]:
    """Give the address of a proxy, and what was asked and answered through it."""
    answers: Answers = {}

    def answer(path: str, authorization: str, host: str) -> Answer:
        headers = {"Authorization": authorization, "Host": host, "Accept": "application/json"}
        request = urllib.request.Request(f"{url}{path}", headers=headers)  # noqa: S310 - http, as we are told
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
                status, kind, body = response.status, response.headers["Content-Type"], response.read().decode()
        except urllib.error.HTTPError as problem:
            status, kind, body = problem.code, problem.headers["Content-Type"], problem.read().decode()
        answers[Asked(path, token in authorization)] = Answer(status, kind, body.replace(f"http://{host}", BASE))
        return Answer(status, kind, body)

    with _serving(answer) as base:
        yield base, answers


@contextmanager
def replaying(answers: Answers, token: str) -> Iterator[str]:
    """Give the address of a server that answers as was recorded; what was not asked then is 599."""

    def answer(path: str, authorization: str, host: str) -> Answer:
        known = answers.get(Asked(path, token in authorization))
        return (
            known._replace(body=known.body.replace(BASE, f"http://{host}"))
            if known
            else Answer(599, "text/plain", path)
        )

    with _serving(answer) as base:
        yield base


@contextmanager
def _serving(answer: Callable[[str, str, str], Answer]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answer(self.path, self.headers.get("Authorization", ""), self.headers["Host"])
            self.send_response(found.status)
            self.send_header("Content-Type", found.kind)
            self.end_headers()
            self.wfile.write(found.body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http_server(Handler) as url:
        yield url


def write(path: Path, answers: Answers) -> None:
    entries = [{**asked._asdict(), **answer._asdict()} for asked, answer in sorted(answers.items())]
    for entry in entries:
        if entry["kind"].startswith("application/json"):
            entry["body"] = json.loads(entry["body"])
    path.write_text(json.dumps(entries, indent=1) + "\n")


def read(path: Path) -> Answers:
    return {
        Asked(entry["path"], entry["good_token"]): Answer(
            entry["status"],
            entry["kind"],
            entry["body"] if isinstance(entry["body"], str) else json.dumps(entry["body"]),
        )
        for entry in json.loads(path.read_text())
    }
