"""Faust's web server on a socket that the worker has taken itself."""

import logging
from typing import Any, Final

from aiohttp.web import BaseSite, SockSite
from faust.web.drivers.aiohttp import Web

from schemas.errors import FatalError
from streams.runtime.ops.ports import listening

log = logging.getLogger(__name__)


class BoundWeb(Web):
    """The server takes the first port from the wanted one on that nobody has, and says which.

    Faust is told a port and opens it when it starts: of workers that start together all were told the same, and all but
    one died. Return one from the app's `_new_web`.
    """

    def __init__(self, app: Any, host: str, first_port: int) -> None:
        """Take the port to begin with; 0 is any."""
        super().__init__(app)
        self._host: Final = host
        self._first_port: Final = first_port
        self.port = 0  #: until it listens

    @property
    def address(self) -> str:
        """Return where the server is to be asked, once it listens."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    def _create_site(self) -> BaseSite:
        """Return where aiohttp is to serve. Raises FatalError where the host is no address of this machine."""
        try:
            taken = listening(self._host, self._first_port)
        except OSError as problem:
            raise FatalError(f"[web] host {self._host}: expected an address of this machine: {problem}") from problem
        self.port = taken.getsockname()[1]
        self.app.conf.web_port = self.port
        log.info("web server at=%s", self.address)
        return SockSite(self._runner, taken)
