"""TLS contexts from settings; a certificate renewed on disk is used from the next connection on."""

import socket
import ssl
from pathlib import Path
from typing import NamedTuple


class TlsFiles(NamedTuple):
    """Our certificate and key, and the authority to trust; empty: none, or the system's authorities."""

    authority: str = ""
    certificate: str = ""
    key: str = ""
    key_password: str = ""


class RenewedContext(ssl.SSLContext):
    """A TLS context that reloads its certificate and authorities before use when their files have changed."""

    identity = TlsFiles()
    _seen: tuple[tuple[int, int], ...] = ()

    def renew(self) -> None:
        """Reload the files that have changed since the last call. Raises OSError (ssl.SSLError is one)."""
        identity = self.identity
        names = [name for name in (identity.authority, identity.certificate, identity.key) if name]
        stats = [Path(name).stat() for name in names]
        seen = tuple((stat.st_mtime_ns, stat.st_ino) for stat in stats)
        if seen == self._seen:
            return
        if identity.authority:
            self.load_verify_locations(identity.authority)
        if identity.certificate:
            self.load_cert_chain(identity.certificate, identity.key or None, identity.key_password or None)
        self._seen = seen

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        self._try_to_renew()
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)

    def wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        self._try_to_renew()
        return super().wrap_socket(
            sock, server_side, do_handshake_on_connect, suppress_ragged_eofs, server_hostname, session
        )

    def _try_to_renew(self) -> None:
        try:
            self.renew()
        except OSError:
            self._seen = ()  # half written: what was read before holds, and the next connection looks again


def client_context(identity: TlsFiles) -> ssl.SSLContext:
    """Return a context that checks the server's certificate and name. Raises OSError for files that cannot be used."""
    context = RenewedContext(ssl.PROTOCOL_TLS_CLIENT)
    if not identity.authority:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return _ready(context, identity)


def server_context(identity: TlsFiles) -> ssl.SSLContext:
    """Return a context with our certificate that requires client certificates where there is an authority. Raises
    OSError.
    """
    context = RenewedContext(ssl.PROTOCOL_TLS_SERVER)
    if identity.authority:
        context.verify_mode = ssl.CERT_REQUIRED
    return _ready(context, identity)


def _ready(context: RenewedContext, identity: TlsFiles) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.identity = identity
    context.renew()
    return context
