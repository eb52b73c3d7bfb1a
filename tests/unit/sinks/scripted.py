"""A receiver over HTTP that does what its script says: answers, keeps silent, breaks off."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

SILENT: Final = -1  #: takes the request, and says nothing
BROKEN: Final = -2  #: takes half of the request, and hangs up
HALF: Final = -3  #: takes the request, and hangs up in the middle of its answer


class Reply(NamedTuple):
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


class Request(NamedTuple):
    target: str
    headers: Mapping[str, str]  #: names in lower case
    body: bytes


@dataclass
class Receiver:
    """What it has got; `script` says what becomes of a request."""

    script: Callable[[Request], Reply]
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    broken: Callable[[], bool] = lambda: False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await _head(reader):
                target, headers = head
                size = int(headers.get("content-length", "0"))
                if self.broken():
                    await reader.readexactly(size // 2)
                    return
                request = Request(target, headers, await reader.readexactly(size))
                self.requests.append(request)
                reply = self.script(request)
                if reply.status == SILENT:
                    await reader.read()
                    return
                octets = _octets(reply if reply.status != HALF else Reply(200, b"x" * 100))
                writer.write(octets if reply.status != HALF else octets[:-50])
                await writer.drain()
                if reply.status == HALF:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def receiving(
    script: Callable[[Request], Reply], *, tls: ssl.SSLContext | None = None, broken: Callable[[], bool] = lambda: False
) -> AsyncIterator[Receiver]:
    """Yield a receiver on a free port of the loopback."""
    receiver = Receiver(script, broken=broken)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]] | None:
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = text.split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return first.split()[1], {name.lower(): value.strip() for name, _, value in pairs}


def _octets(reply: Reply) -> bytes:
    headers = {"Content-Length": str(len(reply.body)), **reply.headers}
    lines = (f"HTTP/1.1 {reply.status} X", *(f"{name}: {value}" for name, value in headers.items()), "", "")
    return "\r\n".join(lines).encode() + reply.body
