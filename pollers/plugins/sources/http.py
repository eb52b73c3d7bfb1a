"""The discovery plugin `http`: reads a device list as `from-file` does, or Prometheus file_sd targets, from a URL."""

import asyncio
import json
import ssl
from collections.abc import Iterator, Mapping
from typing import Final

import httpx

from pollers.plugins.base import Discovery, OptionError, PluginContext
from pollers.plugins.lists import device_list, listing
from pollers.plugins.lists.entries import Entry, Listing, Wrong
from pollers.plugins.sources.options import COMMON, SourceOptions, failed
from schemas.errors import BackendError

OPTIONS: Final = (*COMMON, "format", "username")
PROMETHEUS: Final = "prometheus"
FORMATS: Final = (*listing.FORMATS, PROMETHEUS)
_MOST_BYTES: Final = 64 * 2**20
_HINTS: Final = {
    401: "the token or password is refused: check the secret",
    403: "the token or password may not read this: check its rights",
    404: "there is nothing at this address: check the url",
}
#: labels of targets that are parts of a resource, and are no labels of it
_FIELDS: Final = ("site", "class", "subclass", "type", "id", "zone")


class Http:
    """Fetches the URL at every run."""

    def __init__(self, context: PluginContext, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Raises OptionError."""
        self._context = context
        self._transport = transport
        self._options = SourceOptions(context, OPTIONS, {})
        path = self._options.place.rpartition("/")[2]
        ending = path.rpartition(".")[2].lower() if "." in path else ""
        self._format = context.options.get("format", ending if ending in FORMATS else "json")
        self._username = context.options.get("username", "")
        if self._format not in FORMATS:
            raise OptionError({"format": f"expected one of {', '.join(FORMATS)}, found {self._format!r}"})
        if self._username and not self._options.secret:
            raise OptionError({"username": "expected a secret with it: its password"})

    async def discover(self) -> Discovery:
        """Return a resource for each good entry; the run has failed where the source is away or sends something
        else.
        """
        place = self._options.place
        try:
            text = await self._read()
        except BackendError as problem:
            return failed(place, str(problem))
        if text.lstrip()[:1] == "<":
            return failed(place, f"expected {self._format}, found HTML or XML: check the url")
        return await asyncio.to_thread(self._resources, text, self._options.defaults(self._context))

    async def _read(self) -> str:
        """Return what the URL has. Raises BackendError."""
        options, auth, headers = self._options, None, {}
        if options.secret:
            secret = await self._context.secret(options.secret)
            if self._username:
                auth = httpx.BasicAuth(self._username, secret)
            else:
                headers["Authorization"] = f"Bearer {secret}"
        try:
            async with (
                httpx.AsyncClient(
                    transport=self._transport, timeout=options.timeout_s, verify=_trusted(options.ssl_ca_file)
                ) as client,
                client.stream("GET", options.url, headers=headers, auth=auth) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise BackendError(_HINTS.get(answer.status_code, f"HTTP status {answer.status_code}"))
                data = bytearray()
                async for piece in answer.aiter_bytes():
                    data += piece
                    if len(data) > _MOST_BYTES:
                        raise BackendError(f"more than {_MOST_BYTES} bytes")
        except (httpx.HTTPError, OSError) as problem:
            raise BackendError(f"{type(problem).__name__}: {problem}") from None
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise BackendError("not UTF-8") from None

    def _resources(self, text: str, defaults: device_list.Defaults) -> Discovery:
        is_targets = self._format == PROMETHEUS or (self._format == "json" and _has_targets(text))
        found = _targets(text) if is_targets else listing.FORMATS[self._format](text)
        seen = device_list.resources(found, f"{self._options.place}{'#target' if is_targets else ''}", defaults)
        if not found.entries and found.wrong:
            return Discovery(resources=(), problems=seen.problems, failed=seen.problems[0])
        return seen


def _trusted(ca_file: str) -> ssl.SSLContext | bool:
    return httpx.create_ssl_context(verify=ca_file) if ca_file else True


def _has_targets(text: str) -> bool:
    try:
        plain = json.loads(text)
    except ValueError:
        return False
    return (
        isinstance(plain, list) and bool(plain) and all(isinstance(each, dict) and "targets" in each for each in plain)
    )


def _targets(text: str) -> Listing:
    """Return an entry for each target; where it stands is its number."""
    try:
        groups = json.loads(text)
    except ValueError as problem:
        return Listing((), (Wrong(1, f"expected JSON: {problem}"),))
    if not isinstance(groups, list):
        return Listing((), (Wrong(1, "expected a list of objects with targets and labels"),))
    entries: list[Entry] = []
    wrong: list[Wrong] = []
    number = 0
    for group in groups:
        for fields in _entries(group):
            number += 1
            if isinstance(fields, str):
                wrong.append(Wrong(number, fields))
            else:
                entries.append(Entry(number, fields))
    return Listing(entries, wrong)


def _entries(group: object) -> Iterator[Mapping[str, object] | str]:
    """Yield the fields of each target of a group, or what is wrong."""
    if not isinstance(group, dict) or not isinstance(group.get("targets"), list):
        yield f"expected an object with a list of targets, found {group!r:.60}"
        return
    labels = group.get("labels") or {}
    if not isinstance(labels, dict):
        yield f"labels: expected names and values, found {labels!r:.60}"
        return
    fields = {name: labels[name] for name in _FIELDS if name in labels}
    # labels that begin with two underscores are Prometheus' own, and are no labels of a target
    kept = {name: text for name, text in labels.items() if name not in _FIELDS and not name.startswith("__")}
    for target in group["targets"]:
        if not isinstance(target, str):
            yield f"expected a target as text, found {target!r:.60}"
            continue
        host = target[1:].partition("]")[0] if target.startswith("[") else target.partition(":")[0]
        yield {"id": host, **fields, "endpoint": target, "labels": kept}


def create(context: PluginContext) -> Http:
    """Return the plugin. Raises OptionError."""
    return Http(context)
