"""People who look: each asks for one page after the other, with a pause between, over a new connection."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Asked(NamedTuple):
    path: str
    took_s: float
    status: int
    size: int


async def look(port: int, paths: Sequence[str], *, clients: int, pause_s: float, for_s: float) -> list[Asked]:
    """Return what every client saw."""
    end_s = time.monotonic() + for_s

    async def one(number: int) -> list[Asked]:
        await asyncio.sleep(pause_s * number / clients)
        seen, at = [], number
        while time.monotonic() < end_s:
            path = paths[at % len(paths)]
            began_s = time.monotonic()
            status, size = await _get(port, path)
            seen.append(Asked(path, time.monotonic() - began_s, status, size))
            at += 1
            await asyncio.sleep(max(0.0, pause_s - seen[-1].took_s))
        return seen

    every = await asyncio.gather(*(one(number) for number in range(clients)))
    return [each for seen in every for each in seen]


async def _get(port: int, path: str) -> tuple[int, int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    size = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    await reader.readexactly(size)
    writer.close()
    return int(head.split(" ", 2)[1]), size


def told(seen: Sequence[Asked]) -> Mapping[str, tuple[int, float, float, float, int]]:
    """Return of each path, and of all, how often it was asked, median, p95 and most in ms, and its size in bytes."""
    by_path: dict[str, list[Asked]] = {"all": list(seen)}
    for each in seen:
        by_path.setdefault(each.path, []).append(each)
    found = {}
    for path, asked in by_path.items():
        took = sorted(1000 * each.took_s for each in asked)
        found[path] = (len(took), took[len(took) // 2], took[int(len(took) * 0.95)], took[-1], asked[-1].size)
    return found
