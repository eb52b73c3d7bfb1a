"""Which web port a worker takes: its stage's own, or the next free one for further workers on the same machine."""

import socket
from typing import Final

_TRIES: Final = 10


def free_port(host: str, first: int) -> int:
    """Return the first port from `first` on that nobody listens on; 0 asks the system for any."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(first, first + _TRIES) if first else (0,):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            bound: int = probe.getsockname()[1]
            return bound
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        found: int = probe.getsockname()[1]
        return found
