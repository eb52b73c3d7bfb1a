"""The discovery plugin `from-file`: reads devices from a JSON, YAML or CSV file (docs/discovery.md)."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from pollers.plugins.base import Discovery, OptionError, PluginContext
from pollers.plugins.lists import device_list, listing
from pollers.plugins.lists.entries import Listing, refused
from schemas.records import DEFAULT_TTL_S, IDENTITY_SEPARATOR

OPTIONS: Final = ("path", "format", "site", "class", "subclass", "type", "ttl_s")

Read = Callable[[Path], Awaitable[bytes]]


async def _read(path: Path) -> bytes:
    """Return the file's bytes, read in a thread. Raises OSError."""
    return await asyncio.to_thread(path.read_bytes)


class FromFile:
    """Reads the file at every run, so that a changed list needs no restart."""

    def __init__(self, context: PluginContext, read: Read = _read) -> None:
        """Raises OptionError."""
        self._context = context
        self._read = read
        options = context.options
        self._last_good: str | None = None  #: as text, which takes a tenth of what resources take
        self._path = Path(options.get("path", ""))
        self._format = options.get("format", self._path.suffix.removeprefix(".").lower())
        self._ttl_s = device_list.whole_number(options.get("ttl_s", str(DEFAULT_TTL_S)), device_list.MAX_TTL_S)
        self._parts = {name: options[name] for name in ("site", "class", "subclass", "type") if options.get(name)}
        problems = self._problems()
        if problems:
            raise OptionError(problems)

    def _problems(self) -> dict[str, str]:
        options = self._context.options
        found = {name: f"expected one of {', '.join(OPTIONS)}" for name in options if name not in OPTIONS}
        if not options.get("path"):
            found["path"] = "expected the path of a list of devices"
        elif self._format not in listing.FORMATS:
            known = ", ".join(listing.FORMATS)
            found["format"] = f"expected one of {known}, or a file that ends in one; found {self._format!r}"
        if self._ttl_s is None:
            found["ttl_s"] = f"expected whole seconds from 1 to {device_list.MAX_TTL_S}, found {options['ttl_s']!r}"
        for name, part in self._parts.items():
            if IDENTITY_SEPARATOR in part or not part.isprintable():
                found[name] = f"expected printable text without {IDENTITY_SEPARATOR!r}, found {part!r}"
        return found

    async def discover(self) -> Discovery:
        """Return a resource per good entry; a file that cannot be read is a problem, never an exception.

        Of a file that is damaged as a whole nothing is read, and what the last good one said holds.
        """
        file = str(self._path)
        try:
            data = await self._read(self._path)
        except OSError as error:
            reason = error.strerror or str(error)
            return _failed(f"{file}: {reason}; create it, or change `path` in the section")
        defaults = device_list.Defaults(
            plugin=self._context.section,
            now_ms=self._context.now_ms(),
            parts=self._parts,
            ttl_s=self._ttl_s or DEFAULT_TTL_S,
        )
        # YAML of ten thousand devices takes seconds, and ticks wait for nobody
        return await asyncio.to_thread(self._resources, data, file, defaults)

    def _resources(self, data: bytes, file: str, defaults: device_list.Defaults) -> Discovery:
        text, read = self._parsed(data)
        found = device_list.resources(read, file, defaults)
        if not read.refused:
            self._last_good = text
        elif self._last_good is not None:
            last = device_list.resources(listing.FORMATS[self._format](self._last_good), file, defaults)
            problems = [f"{problem}, the last good list stays in force" for problem in found.problems]
            return Discovery(resources=last.resources, problems=problems)
        else:
            return _failed(found.problems[0])
        return found

    def _parsed(self, data: bytes) -> tuple[str, Listing]:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            return "", refused(data.count(b"\n", 0, error.start) + 1, "not UTF-8: save the file as UTF-8")
        return text, listing.FORMATS[self._format](text)


def _failed(why: str) -> Discovery:
    return Discovery(resources=(), problems=[why], failed=why)


def create(context: PluginContext) -> FromFile:
    """Return the plugin. Raises OptionError."""
    return FromFile(context)
