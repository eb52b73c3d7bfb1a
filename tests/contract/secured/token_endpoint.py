"""A token endpoint (RFC 6749 §4.4) for the users of a secured stack, on loopback, with tokens that its broker takes."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import parse_qs, unquote_plus

import httpx

from streams.playground.services.secured.tokens import AUDIENCE, signed
from streams.playground.services.secured.users import passwords
from tests.http_server import http_server

LIFE_S: Final = 60


class Endpoint(NamedTuple):
    url: str
    asked: list[dict[str, list[str]]]  #: the form of each request that was granted


@contextmanager
def token_endpoint(data: Path, audience: str = AUDIENCE, tls: Path | None = None) -> Iterator[Endpoint]:
    """Give an endpoint for the users of the stack whose data stand there.

    Its broker takes no token for another audience, or signed with a key of another folder.
    """
    asked: list[dict[str, list[str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            user = granted(self.headers.get("Authorization", ""), data)
            if user is None or form.get("grant_type") != ["client_credentials"]:
                self._answer(401, {"error": "invalid_client"})
                return
            asked.append(form)
            now_s = int(time.time())
            claims = {"sub": user, "aud": audience, "iat": now_s, "exp": now_s + LIFE_S}
            token = signed(tls or data / "tls", claims)
            self._answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": LIFE_S})

        def _answer(self, status: int, content: object) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http_server(Handler) as url:
        yield Endpoint(f"{url}/token", asked)


def granted(header: str, data: Path) -> str | None:
    """Return whose id and secret the header has, None where they are nobody's."""
    for user, word in passwords(data).items():
        request = httpx.Request("GET", "http://x")
        sent = next(httpx.BasicAuth(user, word).auth_flow(request)).headers["Authorization"]
        if unquote_plus(header) == sent or header == sent:
            return user
    return None
