"""Checks whether a service answers. Each probe returns None when it does, else why not, in a few words."""

import http.client
import json
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

HOST: Final = "127.0.0.1"
TIMEOUT_S: Final = 2.0
METADATA: Final = 3
METADATA_VERSION: Final = 4


def redis(port: int, tls: ssl.SSLContext | None = None) -> str | None:
    """PING; a server that loads its data answers -LOADING, one that requires authentication -NOAUTH."""
    try:
        with _connected(port, tls) as sock:
            sock.sendall(b"PING\r\n")
            said = sock.recv(200)
    except OSError as error:
        return str(error)
    return None if said.startswith((b"+PONG", b"-NOAUTH")) else f"answered {said[:60]!r}"


def zookeeper(port: int, tls: ssl.SSLContext | None = None) -> str | None:
    """Send four-letter words: `ruok` tells that the process is up, `srvr` that it serves."""
    try:
        alive, serving = _word(port, b"ruok", tls), _word(port, b"srvr", tls)
    except OSError as error:
        return str(error)
    if alive != b"imok" or b"Mode:" not in serving:
        return f"answered {serving[:60]!r}"
    return None


def _word(port: int, word: bytes, tls: ssl.SSLContext | None) -> bytes:
    with _connected(port, tls) as sock:
        sock.sendall(word)
        said = b""
        while more := sock.recv(4096):
            said += more
    return said


def registry(port: int, path: str) -> str | None:
    """List the subjects through the Confluent-compatible API."""
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        body = reply.read()
        if reply.status != http.HTTPStatus.OK:
            return f"answered HTTP {reply.status}"
        return None if isinstance(json.loads(body), list) else f"answered {body[:60]!r}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()


def http_ok(port: int, path: str) -> str | None:
    """GET; only the status 200 counts as an answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return None if status == http.HTTPStatus.OK else f"answered HTTP {status}"


def asks_for_a_user(port: int, tls: ssl.SSLContext) -> str | None:
    """GET by TLS without a user: a server that requires authentication is up."""
    connection = http.client.HTTPSConnection(HOST, port, timeout=TIMEOUT_S, context=tls)
    try:
        connection.request("GET", "/")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return None if status == http.HTTPStatus.UNAUTHORIZED else f"answered HTTP {status}"


def kafka(port: int, tls: ssl.SSLContext | None = None, *, serves: int) -> str | None:
    """Request the brokers (Metadata, no topics): a broker lists itself, by the port that it serves, once it may.

    Protocol: https://kafka.apache.org/protocol (request header v1, Metadata v4). A broker that is up but still fenced
    answers with the others only.
    """
    client = b"panoptes-stack"
    body = struct.pack(f">hhih{len(client)}sib", METADATA, METADATA_VERSION, 1, len(client), client, 0, 0)
    try:
        with _connected(port, tls) as sock:
            sock.sendall(struct.pack(">i", len(body)) + body)
            (size,) = struct.unpack(">i", _exactly(sock, 4))
            said = _exactly(sock, size)
    except OSError as error:
        return str(error)
    return None if serves in _brokers(said) else "up, but not serving yet"


def _brokers(said: bytes) -> list[int]:
    """Return the ports of the brokers that Metadata lists: after the correlation id and the throttle time."""
    (count,), at = struct.unpack_from(">i", said, 8), 12
    ports = []
    for _ in range(count):
        (host_bytes,) = struct.unpack_from(">h", said, at + 4)
        at += 6 + host_bytes
        port, rack_bytes = struct.unpack_from(">ih", said, at)
        at += 6 + max(rack_bytes, 0)
        ports.append(port)
    return ports


@contextmanager
def _connected(port: int, tls: ssl.SSLContext | None) -> Iterator[socket.socket]:
    with socket.create_connection((HOST, port), TIMEOUT_S) as sock:
        if tls is None:
            yield sock
        else:
            with tls.wrap_socket(sock, server_hostname=HOST) as wrapped:
                yield wrapped


def _exactly(sock: socket.socket, size: int) -> bytes:
    said = b""
    while len(said) < size:
        more = sock.recv(size - len(said))
        if not more:
            raise ConnectionResetError("closed while answering")
        said += more
    return said
