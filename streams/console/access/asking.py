"""Reads a request's origin, host and target for access checks; pure."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias
from urllib.parse import urlsplit

Network: TypeAlias = IPv4Network | IPv6Network
HOME: Final = "/"


def networks(texts: Sequence[str]) -> Sequence[Network]:
    """Parse networks. Raises ValueError."""
    return [ip_network(text) for text in texts]


def is_within(address: str, trusted: Sequence[Network]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in trusted if network.version == found.version)


def is_local(host: str) -> bool:
    """Return whether a Host header names this machine, which protects against DNS rebinding."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Return whether a page of ours sent the request, by headers that browsers set and pages cannot forge."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site == "same-origin"
    return origin is not None and urlsplit(origin).netloc == headers.get("host")


def basic(header: str) -> tuple[str, str] | None:
    """Return user and password of an Authorization header (RFC 7617), None where it has none."""
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (name, password) if colon else None


def target(wanted: str) -> str:
    """Return the address after log-in: one of ours, or the overview."""
    fits = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if fits and "\\" not in wanted else HOME
