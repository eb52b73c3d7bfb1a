"""Finds a UDP port that is free on every loopback address."""

import socket


def free_udp_port() -> int:
    """Return a port that is free on every address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", 0))
        port: int = sock.getsockname()[1]
        return port
