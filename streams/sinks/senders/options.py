"""Parses and checks the options that all HTTP sinks have."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from pollers.plugins.base import OptionError
from pollers.snmp.credentials import Secret
from streams.sinks.naming.names import PREFIX

_HEADER: Final = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
_LABEL: Final = re.compile(r"^[a-z][A-Za-z0-9_]*$")
#: what every sink that makes series understands
SERIES: Final = ("labels", "external_labels")
#: what every sink over HTTP understands
COMMON: Final = (
    *("url", "timeout_s", "max_bytes", "max_series", "headers", *SERIES),
    *("ca_file", "certificate_file", "key_file", "username", "password", "password_file"),
    *("bearer_token", "bearer_token_file", "secret"),
)
_KEYS: Final = frozenset({"site", "device", "row"})


class SeriesOptions(NamedTuple):
    """The labels that an option adds to every series."""

    labels: tuple[str, ...]  #: to be copied there
    external_labels: Mapping[str, str]


class SinkTarget(NamedTuple):
    """A sink's URL and credentials."""

    url: str
    timeout_s: float
    max_bytes: int  #: of a request, before it is compressed
    max_series: int
    headers: Mapping[str, str]
    ca_file: str
    certificate_file: str
    key_file: str
    username: str
    password: Secret
    password_file: str
    bearer_token: Secret
    bearer_token_file: str
    secret: str  #: name of what stands in Redis in the place of password or token
    series: SeriesOptions
    scheme: str = "Bearer"  #: before a token

    @property
    def shown(self) -> str:
        """Return the URL for printing."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


class OptionReader:
    """Parses options one by one, and reports all errors together."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = options
        self.problems: dict[str, str] = {}

    def text(self, name: str, default: str = "") -> str:
        return self._options.get(name, default).strip()

    def choice(self, name: str, choices: Iterable[str]) -> str:
        """Parse one of the words; the first is the default."""
        several = tuple(choices)
        value = self.text(name, several[0])
        if value not in several:
            self.problems[name] = f"expected one of {', '.join(several)}, found {value!r}"
        return value

    def number(self, name: str, default: float, least: float, most: float) -> float:
        try:
            value = float(self.text(name) or default)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            self.problems[name] = f"expected a number from {least:g} to {most:g}, found {self.text(name)!r}"
        return value

    def names(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())

    def pairs(self, name: str, key: re.Pattern[str], what: str) -> dict[str, str]:
        """Parse `NAME=VALUE, NAME=VALUE`."""
        found: dict[str, str] = {}
        for part in self.names(name):
            label, equals, value = (word.strip() for word in part.partition("="))
            if not equals or not key.match(label) or not value.isprintable():
                self.problems[name] = f"expected {what}=value, separated by commas"
            found[label] = value
        return found

    def finish(self, known: Iterable[str]) -> None:
        """Raise OptionError with all errors and unknown options, if there are any."""
        several = set(known)
        for name in self._options.keys() - several:
            self.problems.setdefault(name, f"expected one of {', '.join(sorted(several))}")
        if self.problems:
            raise OptionError(self.problems)


def read_target(reader: OptionReader, path: str) -> SinkTarget:
    """Parse where to write; `path` is added to a URL that has none. Faults are kept in the reader."""
    url = _url(reader, path)
    target = SinkTarget(
        url=url,
        timeout_s=reader.number("timeout_s", 30, 0.1, 600),
        max_bytes=int(reader.number("max_bytes", 4 * 2**20, 2**10, 2**30)),
        max_series=int(reader.number("max_series", 20_000_000, 1, 10**9)),
        headers=reader.pairs("headers", _HEADER, "a header's name"),
        ca_file=reader.text("ca_file"),
        certificate_file=reader.text("certificate_file"),
        key_file=reader.text("key_file"),
        username=reader.text("username"),
        password=Secret(reader.text("password")),
        password_file=reader.text("password_file"),
        bearer_token=Secret(reader.text("bearer_token")),
        bearer_token_file=reader.text("bearer_token_file"),
        secret=reader.text("secret"),
        series=read_series(reader),
    )
    _fit(reader, target)
    return target


def read_series(reader: OptionReader) -> SeriesOptions:
    """Parse the labels of every series. Faults are kept in the reader."""
    series = SeriesOptions(reader.names("labels"), reader.pairs("external_labels", _LABEL, "a label in lower case"))
    for where, names in zip(SERIES, series, strict=True):
        for name in names:
            if not _LABEL.match(name) or name in _KEYS or name.startswith(PREFIX):
                reader.problems[where] = (
                    f"expected names in lower case, other than site, device and row, found {name!r}"
                )
    return series


def _url(reader: OptionReader, path: str) -> str:
    url = reader.text("url")
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        reader.problems["url"] = "expected a URL like http://host:8428"
        return url
    if "@" in parts.netloc:
        reader.problems["url"] = "expected a URL without user and password: they have options of their own"
    return url if parts.path.strip("/") else parts._replace(path=path).geturl()


def _fit(reader: OptionReader, target: SinkTarget) -> None:
    problems = reader.problems
    ways = {
        "password": bool(target.password),
        "password_file": bool(target.password_file),
        "bearer_token": bool(target.bearer_token),
        "bearer_token_file": bool(target.bearer_token_file),
        "secret": bool(target.secret),
    }
    several = [name for name, there in ways.items() if there]
    if len(several) > 1:
        problems[several[1]] = f"expected only one of {', '.join(several)}"
    if (ways["password"] or ways["password_file"]) and not target.username:
        problems["username"] = "expected a user with the password"
    if target.key_file and not target.certificate_file:
        problems["certificate_file"] = "expected a certificate with the key"
