"""Turns entries of a device list into resources; a bad entry is reported with its line, and the others are kept."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pollers.plugins.base import Discovery
from pollers.plugins.lists.entries import Entry, Listing
from schemas.records import DEFAULT_TTL_S, DEFAULT_ZONE, IDENTIFIERS, IDENTITY_SEPARATOR, LABEL_NAME, Resource

#: field of an entry -> part of the identity
PARTS: Final = {
    "site": "site",
    "class": "resource_class",
    "subclass": "resource_subclass",
    "type": "resource_type",
    "id": "resource_id",
}
FIELDS: Final = (*PARTS, "endpoint", "ttl_s", "labels", "zone", "addresses", "identifiers")
#: fields of names and values -> how one of them is written as a field of its own
_MAPS: Final = {"labels": "label.", "identifiers": "identifier."}
#: fields of the reference system's lists, which are read as they are
ALIASES: Final = {
    **{f"resource_{name}": name for name in (*PARTS, "endpoint")},
    "resource_metadata": "labels",
}
_HOST_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?\Z"
)
_MAX_PORT: Final = 65_535
MAX_TTL_S: Final = 2**31 - 1  #: 68 years
#: part of the names of topics and groups
MAX_ZONE_LENGTH: Final = 32
_ZONE: Final = re.compile(rf"[A-Za-z0-9_-]{{0,{MAX_ZONE_LENGTH}}}\Z")
#: control characters, line ends and halves of surrogate pairs (of JSON and YAML escapes), which no record can carry;
#: spaces and joiners of other scripts, which `isprintable` refuses as well, are text
_NO_TEXT: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """Values for fields that an entry leaves out."""

    plugin: str  #: the discovery section that saw them
    now_ms: int
    parts: Mapping[str, str]  #: of site, class, subclass, type
    ttl_s: int = DEFAULT_TTL_S


class _Unusable(ValueError):
    """The entry's fault, for people."""


def resources(listing: Listing, file: str, defaults: Defaults) -> Discovery:
    """Return a resource per good entry, and `file:line: what was wrong, what to do` for each of the others."""
    good: dict[str, tuple[int, Resource]] = {}
    problems = [(wrong.line, wrong.what) for wrong in listing.wrong]
    for entry in listing.entries:
        try:
            resource = _resource(entry, defaults)
        except _Unusable as fault:
            problems.append((entry.line, str(fault)))
            continue
        first = good.setdefault(resource.identity, (entry.line, resource))
        if first[1] is not resource:
            problems.append((entry.line, f"{resource.identity} stands on line {first[0]} already, which was kept"))
    return Discovery(
        resources=[resource for _, resource in good.values()],
        problems=[f"{file}:{line}: {what}" for line, what in sorted(problems)],
    )


def _resource(entry: Entry, defaults: Defaults) -> Resource:
    fields, maps = _sorted_out(entry.fields)
    parts = {part: _part(fields, field, defaults.parts) for field, part in PARTS.items()}
    return Resource(
        site=parts["site"],
        resource_class=parts["resource_class"],
        resource_subclass=parts["resource_subclass"],
        resource_type=parts["resource_type"],
        resource_id=parts["resource_id"],
        endpoint=_endpoint(_text(fields, "endpoint")),
        plugins=(defaults.plugin,),
        first_seen_ms=defaults.now_ms,
        last_seen_ms=defaults.now_ms,
        ttl_s=_ttl_s(fields, defaults.ttl_s),
        labels=_labels(maps["labels"]),
        identifiers=_identifiers(maps["identifiers"]),
        addresses=_addresses(fields.get("addresses", ())),
        zone=_zone(fields),
    )


def _sorted_out(raw: Mapping[str, object]) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """Return the known fields, and labels and identifiers: from `labels` and from `label.NAME`, likewise the others."""
    fields: dict[str, object] = {}
    maps: dict[str, dict[str, object]] = {name: {} for name in _MAPS}
    for name, value in raw.items():
        known = ALIASES.get(name, name)
        one_of = next((whole for whole, prefix in _MAPS.items() if known.startswith(prefix)), None)
        if one_of is not None:
            maps[one_of][known.removeprefix(_MAPS[one_of])] = value
        elif known in maps:
            if not isinstance(value, dict):
                raise _Unusable(f"{name}: expected names and values, found {value!r}")
            maps[known].update(value)
        elif known == "resource_plugin":
            continue  # of the reference's lists; here it is the section that reads them
        elif known not in FIELDS:
            raise _Unusable(f"field {name!r} is unknown: use one of {', '.join(FIELDS)}, or {_MAPS['labels']}{name}")
        elif known in fields:
            raise _Unusable(f"{known} is said twice: remove {name!r} or {known!r}")
        else:
            fields[known] = value
    return fields, maps


def _text(fields: Mapping[str, object], name: str, default: str = "") -> str:
    value = fields.get(name, default)
    if not isinstance(value, str):
        raise _Unusable(f"{name}: expected text, found {value!r}; put it in quotes")
    if not value.strip():
        raise _Unusable(f"{name} is missing: add it")
    return value.strip()


def _part(fields: Mapping[str, object], name: str, defaults: Mapping[str, str]) -> str:
    text = _text(fields, name, defaults.get(name, ""))
    if IDENTITY_SEPARATOR in text:
        raise _Unusable(f"{name} {text!r} holds a {IDENTITY_SEPARATOR!r}, which separates identities: use another sign")
    if not text.isprintable():
        raise _Unusable(f"{name} {text!r} holds a control character: remove it")
    return text


def _endpoint(text: str) -> str:
    """Return `host`, `host:port` or `[v6]:port`. Raises _Unusable."""
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host = text
    if host.startswith("[") and host.endswith("]"):
        good = _is_address(host[1:-1], 6)
    elif ":" in host:
        hint = f": write [{text}]" if _is_address(text, 6) else ""
        raise _Unusable(f"endpoint {text!r}: expected host, host:port or [v6]:port{hint}")
    else:
        good = _is_address(host, 4) or (_HOST_NAME.match(host) is not None and not _all_digits(host))
    if not good:
        raise _Unusable(f"endpoint {text!r}: {host!r} is neither an address nor a host name")
    if not text.isprintable():  # an address may end in a zone, which may be anything
        raise _Unusable(f"endpoint {text!r} holds a control character: remove it")
    if colon and whole_number(port, _MAX_PORT) is None:
        raise _Unusable(f"endpoint {text!r}: expected a port from 1 to {_MAX_PORT}, found {port!r}")
    return text


def _all_digits(host: str) -> bool:
    """Return whether it only looks like an IPv4 address, e.g. 10.0.0.256."""
    return host.rstrip(".").rsplit(".", 1)[-1].isdecimal()


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def _ttl_s(fields: Mapping[str, object], default: int) -> int:
    text = _text(fields, "ttl_s", str(default))
    ttl_s = whole_number(text, MAX_TTL_S)
    if ttl_s is None:
        raise _Unusable(f"ttl_s {text!r}: expected whole seconds from 1 to {MAX_TTL_S}")
    return ttl_s


def whole_number(text: str, most: int) -> int | None:
    """Parse a whole number from 1 to `most`; None for any other text."""
    # `int` refuses thousands of digits with an error of its own
    if not (text.isascii() and text.isdecimal()) or len(text.lstrip("0")) > len(str(most)):
        return None
    number = int(text.lstrip("0") or "0")
    return number if 0 < number <= most else None


def _labels(raw: Mapping[str, object]) -> dict[str, str]:
    for name in raw:
        if not LABEL_NAME.match(name):
            raise _Unusable(f"label {name!r}: a name is a letter or _, then letters, digits and _; rename it")
    return _texts("label", raw)


def _identifiers(raw: Mapping[str, object]) -> dict[str, str]:
    for name in raw:
        if name not in IDENTIFIERS:
            raise _Unusable(f"identifier {name!r} is unknown: use one of {', '.join(IDENTIFIERS)}")
    return _texts("identifier", raw)


def _texts(what: str, raw: Mapping[str, object]) -> dict[str, str]:
    for name, value in raw.items():
        if not isinstance(value, str):
            raise _Unusable(f"{what} {name}: expected text, found {value!r}; put it in quotes")
        if found := _NO_TEXT.search(value):
            raise _Unusable(f"{what} {name} holds {found[0]!r}, which is no printable character: remove it")
    return {name: str(value) for name, value in sorted(raw.items())}


def _addresses(raw: object) -> tuple[str, ...]:
    """Return IPv4 and IPv6 addresses in their shortest form, from a list or from a text with spaces or commas."""
    given = raw.replace(",", " ").split() if isinstance(raw, str) else raw
    if not isinstance(given, list | tuple):
        raise _Unusable(f"addresses: expected a list, found {raw!r}")
    for one in given:  # a zone of IPv6 may be anything
        if not isinstance(one, str) or not (_is_address(one, 4) or _is_address(one, 6)) or _NO_TEXT.search(one):
            raise _Unusable(f"addresses: expected IPv4 or IPv6 addresses, found {one!r}")
    return tuple(dict.fromkeys(str(ipaddress.ip_address(one)) for one in given))


def _zone(fields: Mapping[str, object]) -> str:
    zone = fields.get("zone", DEFAULT_ZONE)
    if not isinstance(zone, str) or not _ZONE.match(zone.strip()):
        raise _Unusable(f"zone: expected letters, digits, - and _, {MAX_ZONE_LENGTH} at most, found {zone!r}")
    return zone.strip()
