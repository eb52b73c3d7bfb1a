"""Checks the configuration of plugins by creating them, and the files that sinks name."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from cryptography import x509

from streams.runtime.plugins import Make, NoAccess, Offered, make_plugin
from streams.runtime.settings.loading import Settings, SettingsError, shown_option
from streams.runtime.settings.plugin_sections import PluginSection, SinkSection, plugin_keys
from streams.runtime.settings.setting import shown

#: options of sinks that name files of certificates
_CERTIFICATES: Final = ("ca_file", "certificate_file")
#: options of sinks that name a file with a secret, without its form
_SECRETS: Final = ("password_file", "bearer_token_file")


def plugin_problems(settings: Settings, make: Make) -> list[str]:
    """Return why plugins cannot be created: a line for each option, including disabled sections."""
    return [problem for section in settings.plugin_sections for problem in _problems(section, make)]


def _problems(section: PluginSection, make: Make) -> Sequence[str]:
    try:
        make_plugin(section, make, Offered(NoAccess(), lambda: 0))
    except SettingsError as error:
        return error.problems
    return ()


def file_problems(settings: Settings) -> list[str]:
    """Return which files of sinks cannot be used: missing, not to be read, no PEM, or a key of another certificate.

    They are looked at here and now; a worker reads them when it connects, and waits where they are not there.
    """
    return [
        f"{section.where.get(option, section.where.get('', ''))}: [{section.title}] {option}: {why}"
        for section in settings.plugin_sections
        if isinstance(section, SinkSection)
        for option, why in _bad_files(section.options)
    ]


def _bad_files(options: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    bad: set[str] = set()
    for option in (*_CERTIFICATES, "key_file", *_SECRETS):
        path = options.get(option, "").strip()
        if path and (why := _unusable(option, Path(path))):
            bad.add(option)
            yield option, f"{why}: {path}"
    certificate, key = (options.get(option, "").strip() for option in ("certificate_file", "key_file"))
    if certificate and not bad & {"certificate_file", "key_file"}:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key or None, password=_nothing)
        except (ssl.SSLError, ValueError):
            name = "key_file" if key else "certificate_file"
            yield name, f"expected the key of the certificate, without a password: {key or certificate}"


def _unusable(option: str, path: Path) -> str:
    """Return why a file cannot be used for an option, an empty text where it can."""
    try:
        octets = path.read_bytes()
    except OSError as problem:
        return f"expected a file that can be read: {problem.strerror}"
    if option in _CERTIFICATES:
        try:
            x509.load_pem_x509_certificates(octets)
        except ValueError:
            return "expected certificates in PEM"
    if option == "key_file" and b"PRIVATE KEY-----" not in octets:
        return "expected a private key in PEM"
    return "" if octets.strip() else "expected a secret, found an empty file"


def _nothing() -> str:
    """Return no password: OpenSSL would ask at the terminal."""
    return ""


def plugin_values(section: PluginSection) -> dict[str, str]:
    """Return a plugin section's settings for printing."""
    values = {key: shown(getattr(section, key)) for key in plugin_keys(section.kind)}
    return values | {key: shown_option(section, key) for key in section.options}
