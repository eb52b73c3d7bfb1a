"""The discovery plugins `netbox` and `nautobot`: read devices through pynetbox; settings map their fields."""

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

import pynetbox
import requests

from pollers.plugins.base import Discovery, OptionError, PluginContext
from pollers.plugins.lists import device_list
from pollers.plugins.lists.entries import Entry, Listing
from pollers.plugins.sources.options import COMMON, PARTS, SourceOptions, failed
from schemas.errors import BackendError
from schemas.records import LABEL_NAME

_PATHS: Final = (*PARTS, "id", "endpoint")
OPTIONS: Final = (*COMMON, "query", "labels", "page_size", *(f"{name}_from" for name in _PATHS))
_MOST_DEVICES: Final = 1_000_000


class Product(NamedTuple):
    """The differences between NetBox and Nautobot."""

    name: str
    paths: Mapping[str, str]  #: field of an entry -> where it stands in a device
    query: Mapping[str, str]  #: what every request says


NETBOX: Final = Product(
    "netbox",
    {
        "site": "site.slug",
        "subclass": "role.slug",
        "type": "platform.slug",
        "id": "name",
        "endpoint": "primary_ip.address",
    },
    {},
)
NAUTOBOT: Final = Product(
    "nautobot",
    {
        "site": "location.name",
        "subclass": "role.name",
        "type": "platform.name",
        "id": "name",
        "endpoint": "primary_ip4.address",
    },
    {"depth": "1"},  # without it, what a device refers to is an id and a URL
)


class NetboxDevices:
    """Reads all devices of a query at every run, page by page, in a thread."""

    def __init__(self, context: PluginContext, product: Product) -> None:
        """Raises OptionError."""
        options = context.options
        self._context, self._product = context, product
        self._options = SourceOptions(context, OPTIONS, {"class": "network", "subclass": "device", "type": "snmp"})
        self._paths = {name: options.get(f"{name}_from", product.paths.get(name, "")) for name in _PATHS}
        self._query = dict(parse_qsl(options.get("query", ""), keep_blank_values=True))
        self._labels = dict(_labels(options.get("labels", "")))
        self._page_size = device_list.whole_number(options.get("page_size", "500"), 10_000)
        if self._page_size is None:
            raise OptionError({"page_size": "expected a whole number from 1 to 10000"})

    async def discover(self) -> Discovery:
        """Return a resource for each device; the run has failed where not all could be read."""
        options = self._options
        try:
            token = await self._context.secret(options.secret) if options.secret else None
            return await asyncio.to_thread(self._resources, token, options.defaults(self._context))
        except BackendError as problem:
            return failed(options.place, str(problem))

    def _resources(self, token: str | None, defaults: device_list.Defaults) -> Discovery:
        entries = [Entry(number, self._fields(device)) for number, device in enumerate(self._devices(token), 1)]
        return device_list.resources(Listing(entries, ()), f"{self._options.place}#device", defaults)

    def _devices(self, token: str | None) -> Iterator[Mapping[str, object]]:
        """Yield the devices as they come in JSON. Raises BackendError."""
        options = self._options
        api = pynetbox.api(options.url, token=token)
        with requests.Session() as session:
            # requests itself would wait for ever
            session.request = partial(session.request, timeout=options.timeout_s)  # type: ignore[method-assign]
            session.trust_env = False
            if options.ssl_ca_file:
                session.verify = options.ssl_ca_file
            api.http_session = session
            seen: set[object] = set()
            try:
                query = {"limit": self._page_size, **self._product.query, **self._query}
                for record in api.dcim.devices.filter(**query):
                    device = dict(record)
                    if device.get("id") in seen or len(seen) >= _MOST_DEVICES:
                        raise BackendError(
                            f"device {device.get('id')} came twice: a page repeats itself, nothing is taken"
                        )
                    seen.add(device.get("id"))
                    yield device
            except pynetbox.RequestError as problem:
                raise BackendError(_said(problem)) from None
            except (pynetbox.ContentError, pynetbox.AllocationError) as problem:
                raise BackendError(f"expected JSON of the API: check the url ({problem})") from None
            except (requests.RequestException, OSError) as problem:
                raise BackendError(f"{type(problem).__name__}: {problem}") from None
            except (ValueError, TypeError, KeyError, AttributeError) as problem:
                raise BackendError(
                    f"an answer that is none of the API's: {type(problem).__name__}: {problem}"
                ) from None

    def _fields(self, device: Mapping[str, object]) -> Mapping[str, object]:
        """Return the fields of an entry; what the device does not have is left to the section's own."""
        fields: dict[str, object] = {
            name: text for name, path in self._paths.items() if path and (text := _at(device, path))
        }
        fields["endpoint"] = _endpoint(str(fields.get("endpoint", "")))
        addresses = {_at(device, f"{field}.address").partition("/")[0] for field in ("primary_ip4", "primary_ip6")} - {
            ""
        }
        fields["addresses"] = sorted(addresses)
        if serial := _at(device, "serial"):
            fields["identifiers"] = {"serial": serial}
        fields["labels"] = {name: text for name, path in self._labels.items() if (text := _at(device, path))}
        return fields


def _said(problem: pynetbox.RequestError) -> str:
    """Return what a refused request means, without what the server said in return: that may be a page."""
    status = problem.req.status_code
    if status in (401, 403):
        return f"HTTP status {status}: the token is refused or lacks rights: check the secret"
    hints = {400: "the query is refused: check its names and values", 404: "no API there: check the url"}
    return f"HTTP status {status}{': ' + hints[status] if status in hints else ''}"


def _at(device: object, path: str) -> str:
    """Return what stands at a path like `site.slug` or `custom_fields.rack`, lists with commas, or nothing."""
    found = device
    for step in path.split("."):
        if isinstance(found, list):
            found = [each.get(step) for each in found if isinstance(each, dict)]
        else:
            found = found.get(step) if isinstance(found, dict) else None
    if isinstance(found, list):
        return ",".join(str(each) for each in found if each not in (None, ""))
    return "" if found is None or isinstance(found, dict) else str(found).strip()


def _endpoint(address: str) -> str:
    """Return an address of the API, which has the length of its prefix, as an endpoint."""
    host = address.partition("/")[0]
    return f"[{host}]" if ":" in host else host


def _labels(text: str) -> Iterator[tuple[str, str]]:
    for pair in text.replace("\n", ",").split(","):
        name, _, path = (part.strip() for part in pair.partition("="))
        if pair.strip() and not (LABEL_NAME.match(name) and path):
            raise OptionError({"labels": f"expected name=path, separated by commas, found {pair.strip()!r}"})
        if pair.strip():
            yield name, path


def netbox(context: PluginContext) -> NetboxDevices:
    """Return the plugin for NetBox. Raises OptionError."""
    return NetboxDevices(context, NETBOX)


def nautobot(context: PluginContext) -> NetboxDevices:
    """Return the plugin for Nautobot. Raises OptionError."""
    return NetboxDevices(context, NAUTOBOT)
