"""Runs Faust's web server on a socket that the worker has bound itself."""

import hmac
import logging
import ssl
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any, Final

from aiohttp.web import BaseSite, Request, Response, SockSite, StreamResponse, middleware
from faust.web.drivers.aiohttp import Web

from pollers.snmp.credentials import Secret
from schemas.errors import FatalError
from streams.runtime.ops.ports import listening
from streams.runtime.settings.sections import WebSettings
from streams.runtime.settings.tls import TlsFiles, server_context

log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[StreamResponse]]
#: what is shown to anybody: a supervisor's probes send no token
OPEN: Final = ("/health", "/ready")


class BoundWeb(Web):
    """A web server that binds the first free port from the configured one on, and logs which.

    Faust is told a port and opens it when it starts: of workers that start together all were told the same, and all but
    one died. Return one from the app's `_new_web`.
    """

    def __init__(self, app: Any, settings: WebSettings, first_port: int) -> None:
        """Take the port to begin with; 0 is any."""
        super().__init__(app)
        self._settings: Final = settings
        self._host: Final = settings.host
        if settings.token:
            self.web_app.middlewares.append(_asking_for(settings.token))
        self._first_port: Final = first_port
        self.port = 0  #: until it listens

    @property
    def address(self) -> str:
        """Return the address of the server, once it listens."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._settings.ssl_certificate_file else 'http'}://{host}:{self.port}"

    def _create_site(self) -> BaseSite:
        """Return where aiohttp is to serve. Raises FatalError where the host is no address of this machine."""
        try:
            taken = listening(self._host, self._first_port)
        except OSError as problem:
            raise FatalError(f"[web] host {self._host}: expected an address of this machine: {problem}") from problem
        self.port = taken.getsockname()[1]
        self.app.conf.web_port = self.port
        log.info("web server at=%s", self.address)
        if not (self._settings.token or ip_address(taken.getsockname()[0]).is_loopback):
            log.warning("web server lets everybody in who reaches it at=%s: set [web] token", self.address)
        return SockSite(self._runner, taken, ssl_context=self._tls())

    def _tls(self) -> ssl.SSLContext | None:
        """Return what the server shows. Raises FatalError for files that cannot be used."""
        settings = self._settings
        if not settings.ssl_certificate_file:
            return None
        password = settings.ssl_key_password.reveal()
        try:
            return server_context(TlsFiles("", settings.ssl_certificate_file, settings.ssl_key_file, password))
        except OSError as problem:
            raise FatalError(f"[web] ssl_certificate_file: expected a certificate and its key: {problem}") from None


def _asking_for(token: Secret) -> Any:
    """Return what answers 401 to who does not send the token; probes of a supervisor send none."""
    expected = f"Bearer {token.reveal()}".encode()

    @middleware
    async def check(request: Request, handler: Handler) -> StreamResponse:
        said = request.headers.get("Authorization", "").encode()
        if request.path.rstrip("/") not in OPEN and not hmac.compare_digest(said, expected):
            return Response(status=401, text="expected Authorization: Bearer and the token\n")
        return await handler(request)

    return check
