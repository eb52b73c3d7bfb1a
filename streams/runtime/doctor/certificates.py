"""Checks certificates, those of the services and our own: how long they last, and who may read keys."""

import asyncio
import ssl
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509

from streams.runtime.doctor.findings import Finding, fault, of_certificate, warning
from streams.runtime.settings.loading import Settings
from streams.runtime.settings.sections import KafkaSettings, ZookeeperSettings, urls
from streams.runtime.settings.tls import TlsFiles, client_context

_READ_BY_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class Endpoint(NamedTuple):
    """A service with TLS."""

    whose: str
    host: str
    port: int
    identity: TlsFiles = TlsFiles()  #: whom we trust there, and who we are


async def look(settings: Settings, timeout_s: float, now_s: float) -> list[Finding]:
    """Return a finding for each certificate; a service that is away is reported elsewhere."""
    shown = await asyncio.gather(*(_shown(endpoint, timeout_s, now_s) for endpoint in endpoints(settings)))
    own = await asyncio.to_thread(_own, settings, now_s)
    return [*(finding for finding in shown if finding is not None), *own]


def endpoints(settings: Settings) -> list[Endpoint]:
    """Return the services that use TLS, by the settings."""
    found: list[Endpoint] = []
    kafka, zookeeper = settings.kafka, settings.zookeeper
    if kafka.security_protocol.endswith("SSL"):
        found += [_endpoint(f"kafka {each}", each, 9092, _identity(kafka)) for each in _split(kafka.bootstrap_servers)]
    if zookeeper.tls:
        found += [_endpoint(f"zookeeper {each}", each, 2281, _identity(zookeeper)) for each in _split(zookeeper.hosts)]
    for url in (settings.redis.url, *urls(settings.redis.replica_urls)):
        redis = urlsplit(url.reveal())
        if redis.scheme == "rediss":
            authority = dict(parse_qsl(redis.query)).get("ssl_ca_certs", "")
            found.append(_endpoint("redis", redis.netloc.rpartition("@")[2], 6379, TlsFiles(authority)))
    registry = urlsplit(settings.registry.url)
    if registry.scheme == "https":
        found.append(_endpoint("registry", registry.netloc, 443, TlsFiles(settings.registry.ssl_ca_file)))
    return found


def _endpoint(whose: str, server: str, port: int, identity: TlsFiles) -> Endpoint:
    parts = urlsplit(f"//{server}")
    return Endpoint(whose, parts.hostname or "", parts.port or port, identity)


def _identity(section: KafkaSettings | ZookeeperSettings) -> TlsFiles:
    password = section.ssl_key_password.reveal()
    return TlsFiles(section.ssl_ca_file, section.ssl_certificate_file, section.ssl_key_file, password)


def _split(servers: str) -> list[str]:
    return [server.strip() for server in servers.split(",")]


async def _shown(endpoint: Endpoint, timeout_s: float, now_s: float) -> Finding | None:
    """Return whether we trust the certificate that a service shows, and how long it lasts."""
    try:
        trusting = await asyncio.to_thread(client_context, endpoint.identity)
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=trusting)
    except ssl.SSLCertVerificationError as problem:
        why = f"{endpoint.whose} shows one that is not trusted: {problem.verify_message}"
        return fault("certificate", why, "renew it there, for the name that we use, or set who signed it")
    except OSError:
        return None
    try:
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
        with suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), timeout_s)
    return _lasts(endpoint.whose, x509.load_der_x509_certificate(der), now_s) if der else None


def _own(settings: Settings, now_s: float) -> list[Finding]:
    return [*_certificate_files(settings, now_s), *_key_files(settings)]


def _certificate_files(settings: Settings, now_s: float) -> Iterator[Finding]:
    for name, path in _named(settings, ("certificate_file", "ca_file")):
        try:
            certificates = x509.load_pem_x509_certificates(Path(path).read_bytes())
        except (OSError, ValueError) as problem:
            yield fault("certificate", f"{name} {path}: {problem}", "put a PEM file there")
        else:
            first = min(certificates, key=lambda each: each.not_valid_after_utc)
            yield _lasts(f"{name} {path}", first, now_s)


def _key_files(settings: Settings) -> Iterator[Finding]:
    for name, path in _named(settings, ("key_file", "key_ring")):
        with suppress(OSError):
            if Path(path).stat().st_mode & _READ_BY_OTHERS:
                yield warning("certificate", f"{name} {path} can be read by others than its owner", f"chmod 600 {path}")


def _named(settings: Settings, endings: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the settings of such names that are set, and their values."""
    for section in ("kafka", "zookeeper", "registry", "redis", "web"):
        values = getattr(settings, section)
        for key in type(values).model_fields:
            if key.endswith(endings) and getattr(values, key):
                yield f"[{section}] {key}", str(getattr(values, key))


def _lasts(whose: str, certificate: x509.Certificate, now_s: float) -> Finding:
    return of_certificate(whose, certificate.not_valid_after_utc.timestamp(), now_s)
