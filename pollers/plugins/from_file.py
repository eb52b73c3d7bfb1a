"""Discovery from a list of devices in a file: JSON, YAML or CSV (docs/discovery.md)."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from pollers.plugins import device_list, listing
from pollers.plugins.base import Discovery, OptionError, PluginContext
from schemas.records import DEFAULT_TTL_S, IDENTITY_SEPARATOR

OPTIONS: Final = ("path", "format", "site", "class", "subclass", "type", "ttl_s")

Read = Callable[[Path], Awaitable[bytes]]


async def _read(path: Path) -> bytes:
    """Return the file's bytes, read in a thread. Raises OSError."""
    return await asyncio.to_thread(path.read_bytes)


class FromFile:
    """Reads the file anew at every run, so a changed list needs no restart."""

    def __init__(self, context: PluginContext, read: Read = _read) -> None:
        """Raises OptionError."""
        self._context = context
        self._read = read
        options = context.options
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
        """Return a resource per good entry; a file that cannot be read is a problem, never an exception."""
        file = str(self._path)
        try:
            data = await self._read(self._path)
        except OSError as error:
            reason = error.strerror or str(error)
            return _failed(f"{file}: {reason}; create it, or change `path` in the section")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            return _failed(f"{file}:{line}: not UTF-8: save the file as UTF-8")
        defaults = device_list.Defaults(
            plugin=self._context.section,
            now_ms=self._context.now_ms(),
            parts=self._parts,
            ttl_s=self._ttl_s or DEFAULT_TTL_S,
        )
        # YAML of ten thousand devices takes seconds, and ticks wait for nobody
        return await asyncio.to_thread(self._resources, text, file, defaults)

    def _resources(self, text: str, file: str, defaults: device_list.Defaults) -> Discovery:
        return device_list.resources(listing.FORMATS[self._format](text), file, defaults)


def _failed(why: str) -> Discovery:
    return Discovery(resources=(), problems=(why,), failed=why)


def create(context: PluginContext) -> FromFile:
    """Return the plugin. Raises OptionError."""
    return FromFile(context)
