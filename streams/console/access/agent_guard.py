"""Authenticates every request except for public paths; serves log-in and log-out."""

import logging
import secrets
import time
from typing import Final
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from streams.console.access.agent_users import TooManyChecksError, Users
from streams.console.access.asking import basic, is_local, is_same_origin, is_within, networks, target
from streams.console.access.attempts import Attempts
from streams.console.access.sessions import COOKIE, issued, user_of
from streams.console.api.routing import as_json
from streams.console.pages.drawing import Pages
from streams.runtime.settings.sections import ConsoleSettings

log = logging.getLogger(__name__)

LOG_IN: Final = "/login"
_OPEN: Final = ("/health", LOG_IN, "/static/")
_FORM_MOST: Final = 8_192  #: bytes
_KEY_BYTES: Final = 32


class Door:
    """Decides who is let in, by `[console] auth`."""

    def __init__(self, console: ConsoleSettings) -> None:
        """Raises PasswordFileError."""
        self._console: Final = console
        self._key: Final = console.session_key.reveal().encode() or secrets.token_bytes(_KEY_BYTES)
        self._trusted: Final = networks(console.trusted_networks)
        self._users: Final = Users(console.password_file, self._key) if console.auth == "basic" else None
        self._attempts: Final = Attempts()
        self._pages: Final = Pages()

    def routes(self) -> list[BaseRoute]:
        """Return the log-in and log-out routes, where there are passwords."""
        if self._users is None:
            return []
        return [Route(LOG_IN, self.log_in, methods=["GET", "POST"]), Route("/logout", self.log_out, methods=["POST"])]

    async def decide(self, request: Request) -> Response | None:
        """Return None for an allowed request, with the user's name in its state; else the refusal."""
        request.state.user = ""
        if request.url.path.startswith(_OPEN):
            return None
        if self._console.auth == "header":
            return self._by_header(request)
        if self._users is not None:
            return await self._by_password(request, self._users)
        if not self._console.open_to_all and not is_local(request.headers.get("host", "")):
            return as_json({"error": "expected a Host of this machine: without log-in none other is served"}, 403)
        return None

    def _by_header(self, request: Request) -> Response | None:
        user = request.headers.get(self._console.auth_header, "").strip()
        if not is_within(_peer(request), self._trusted):
            return as_json({"error": "expected a request by the proxy: this address is in no trusted network"}, 403)
        if not user:
            return as_json({"error": f"expected the user's name in {self._console.auth_header}"}, 401)
        request.state.user = user
        return None

    async def _by_password(self, request: Request, users: Users) -> Response | None:
        await users.refresh()
        user = user_of(request.cookies.get(COOKIE, ""), users.known, int(time.time()), self._key)
        if user is None and (given := basic(request.headers.get("authorization", ""))) is not None:
            if not users.is_remembered(*given) and (refusal := await self._try(request, users, *given)):
                return refusal
            user = given[0]
        if user is None:
            return _log_in_first(request)
        request.state.user, request.state.can_leave = user, COOKIE in request.cookies
        return None

    async def _try(self, request: Request, users: Users, name: str, password: str) -> Response | None:
        """Return None where the password is right, else the refusal."""
        address = self._client(request)
        wait_s = self._attempts.wait_s(address, time.monotonic())
        if wait_s:
            words = f"too many attempts: expected none for {wait_s:.0f} s"
            return _refused(words, 429, {"Retry-After": f"{wait_s:.0f}"})
        try:
            right = await users.check(name, password)
        except TooManyChecksError:
            return _refused("too many log in at once", 503, {"Retry-After": "1"})
        if not right:
            log.warning("log-in refused address=%s user=%r", address, name[:100])
            return _refused("wrong name or password", 401, {"WWW-Authenticate": 'Basic realm="panoptes"'})
        self._attempts.good(address)
        return None

    async def log_in(self, request: Request) -> Response:
        """Show the log-in form, or handle its submission."""
        if request.method == "GET":
            return self._form(target(request.query_params.get("next", "/")))
        if not is_same_origin(request.headers):
            return as_json({"error": "expected a form of this console"}, 403)
        typed = await _typed(request)
        users = self._users
        if typed is None or users is None:
            return as_json({"error": f"expected a form of at most {_FORM_MOST} bytes"}, 413)
        await users.refresh()
        onward = target(typed.get("next", "/"))
        name = typed.get("name", "")
        refusal = await self._try(request, users, name, typed.get("password", ""))
        if refusal is not None:
            return self._form(onward, refusal)
        until_s = int(time.time()) + self._console.session_s
        answer = RedirectResponse(onward, 303)
        cookie = issued(name, users.known[name], until_s, self._key)
        answer.set_cookie(COOKIE, cookie, max_age=self._console.session_s, path="/", httponly=True, samesite="lax",
                          secure=self._is_encrypted(request))  # fmt: skip
        return answer

    async def log_out(self, request: Request) -> Response:
        if not is_same_origin(request.headers):
            return as_json({"error": "expected a form of this console"}, 403)
        answer = RedirectResponse(LOG_IN, 303)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=self._is_encrypted(request))
        return answer

    def _form(self, onward: str, refusal: Response | None = None) -> Response:
        error = "" if refusal is None else refusal.headers["X-Refused"]
        filling = {"navigation": (), "onward": onward, "error": error}
        answer = self._pages.page("login.html", LOG_IN, filling, 200 if refusal is None else refusal.status_code)
        if refusal is not None and "retry-after" in refusal.headers:
            answer.headers["Retry-After"] = refusal.headers["retry-after"]
        return answer

    def _client(self, request: Request) -> str:
        """Return who asks: behind a proxy of ours, whom that names last."""
        peer = _peer(request)
        forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        return forwarded if forwarded and is_within(peer, self._trusted) else peer

    def _is_encrypted(self, request: Request) -> bool:
        told = is_within(_peer(request), self._trusted) and request.headers.get("x-forwarded-proto") == "https"
        return told or request.url.scheme == "https"


class Guard:
    """The ASGI middleware that asks `Door`."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app: Final = app
        self._door: Final = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = await self._door.decide(Request(scope, receive)) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)


def _refused(words: str, status: int, headers: dict[str, str]) -> Response:
    answer = as_json({"error": words}, status)
    answer.headers.update({**headers, "X-Refused": words})
    return answer


def _log_in_first(request: Request) -> Response:
    """Return the way to the log-in page for who reads pages, for programs a 401."""
    onward = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    address = f"{LOG_IN}?next={quote(onward, safe='')}"
    if "hx-request" in request.headers:  # htmx would put the log-in page into the place of what it renews
        return _refused("log in first", 401, {"HX-Redirect": LOG_IN})
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(address, 303)
    # a browser that fetches data would open its own dialogue
    asking = {} if "sec-fetch-mode" in request.headers else {"WWW-Authenticate": 'Basic realm="panoptes"'}
    return _refused("log in first", 401, asking)


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


async def _typed(request: Request) -> dict[str, str] | None:
    """Return the fields of a form, None where it is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _FORM_MOST:
            return None
    fields = parse_qs(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=10)
    return {name: values[-1] for name, values in fields.items()}
