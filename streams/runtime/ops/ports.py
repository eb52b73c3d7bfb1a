"""Chooses a worker's web port: its stage's own, or the next free one for further workers on the machine."""

import socket
from typing import Final

_TRIES: Final = 10
_BACKLOG: Final = 128


def listening(host: str, first: int) -> socket.socket:
    """Return a socket that listens on the first free port from `first` on; for 0, on any.

    A port that was only seen to be free may be taken by who starts at the same time. Raises OSError where the host is
    no address of this machine.
    """
    family, *_, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    for port in range(first, first + _TRIES) if first else ():
        try:
            return _listening(family, (address[0], port))
        except OSError:
            continue
    return _listening(family, (address[0], 0))


def listening_at(host: str, port: int) -> socket.socket:
    """Return a socket that listens on exactly this port; 0 is any. Raises OSError."""
    family, *_, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return _listening(family, (address[0], port))


def _listening(family: int, address: tuple[str | int, int]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else the port of a worker that ended is taken
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(_BACKLOG)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made
