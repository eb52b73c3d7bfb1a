"""The options that all plugins of this folder have."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from pollers.plugins.base import Discovery, OptionError, PluginContext
from pollers.plugins.lists import device_list
from schemas.records import DEFAULT_TTL_S, IDENTITY_SEPARATOR

PARTS: Final = ("site", "class", "subclass", "type")
COMMON: Final = ("url", "secret", "timeout_s", "ssl_ca_file", *PARTS, "ttl_s")


class SourceOptions:
    """The options that all sources have."""

    def __init__(self, context: PluginContext, known: Sequence[str], defaults: Mapping[str, str]) -> None:
        """Raises OptionError."""
        options = context.options
        problems = {name: f"expected one of {', '.join(known)}" for name in options if name not in known}
        self.url = options.get("url", "").rstrip("/")
        self.secret = options.get("secret", "")
        self.ssl_ca_file = options.get("ssl_ca_file", "")
        ttl_s = device_list.whole_number(options.get("ttl_s", str(DEFAULT_TTL_S)), device_list.MAX_TTL_S)
        timeout_s = device_list.whole_number(options.get("timeout_s", "30"), 3600)
        self.parts = {name: text for name in PARTS if (text := options.get(name, defaults.get(name, "")))}
        self.ttl_s, self.timeout_s = ttl_s or DEFAULT_TTL_S, timeout_s or 30
        if (wrong := _wrong_url(self.url)) is not None:
            problems["url"] = wrong
        if ttl_s is None:
            problems["ttl_s"] = f"expected whole seconds from 1 to {device_list.MAX_TTL_S}"
        if timeout_s is None:
            problems["timeout_s"] = "expected whole seconds from 1 to 3600"
        for name, part in self.parts.items():
            if IDENTITY_SEPARATOR in part or not part.isprintable():
                problems[name] = f"expected printable text without {IDENTITY_SEPARATOR!r}, found {part!r}"
        if problems:
            raise OptionError(problems)

    @property
    def place(self) -> str:
        """Return the URL for people, without its query, which may be secret."""
        return self.url.partition("?")[0]

    def defaults(self, context: PluginContext) -> device_list.Defaults:
        return device_list.Defaults(plugin=context.section, now_ms=context.now_ms(), parts=self.parts, ttl_s=self.ttl_s)


def _wrong_url(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        return "expected a URL like https://host/path"
    return "expected a URL without user and password: name a secret" if "@" in urlsplit(url).netloc else None


def failed(place: str, why: str) -> Discovery:
    """Return a failed run."""
    line = f"{place}: {why}"
    return Discovery(resources=(), problems=(line,), failed=line)
