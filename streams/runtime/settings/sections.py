"""The sections of `panoptes.ini`. To add a setting, add one line with `setting(default, what it does)`.

docs/configuration.md is generated from here (`panoptes config docs`), and examples/panoptes.ini names every setting.
"""

import re
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

from pollers.snmp.credentials import Secret
from pollers.snmp.limits import Engine, Limits
from streams.runtime.settings.setting import Rule, Seconds, SecretText, Section, WholeSeconds, Words, setting

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
_DATABASE: Final = re.compile(r"^(/\d*)?$")
_HOST: Final = re.compile(r"^(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:(?P<port>\d{1,5}))?$")
DAY_S: Final = 86_400
#: how much later than its interval a heartbeat may be sent by a busy event loop
HEARTBEAT_LATE_S: Final = 0.3
#: the SNMP room says how gently devices are treated where nobody says otherwise
_SNMP: Final = Limits()
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


def _bare_url(value: str) -> str:
    """Return an http URL without a slash at its end. Raises ValueError, never with the URL's password."""
    expected = "expected a URL like http://host:8081"
    try:
        parts = urlsplit(value)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        raise ValueError(expected) from None
    if value and not fits:
        raise ValueError(expected)
    if "@" in parts.netloc:
        raise ValueError("expected a URL without user and password: they have settings of their own")
    return value.rstrip("/")


def _redis_url(value: Secret) -> Secret:
    """Return a URL that redis-py takes. Raises ValueError, never with the URL."""
    expected = "expected redis://[user:password@]host[:port][/number], special characters of the password as %XX"
    try:
        parts = urlsplit(value.reveal())
        fits = (
            parts.path.strip("/")
            if parts.scheme == "unix"
            else parts.scheme in ("redis", "rediss") and parts.hostname and parts.port != 0
        )
    except ValueError:
        raise ValueError(expected) from None
    if not fits or not _DATABASE.match(parts.path if parts.scheme != "unix" else ""):
        raise ValueError(expected)
    return value


def _redis_urls(value: Secret) -> Secret:
    for url in urls(value):
        _redis_url(url)
    return value


def urls(value: Secret) -> list[Secret]:
    """Return each of several URLs, separated by commas or blanks: of a password's they are %2C and %20."""
    return [Secret(url) for url in value.reveal().replace(",", " ").split()]


def _hosts(value: str) -> str:
    for entry in value.split(","):
        match = _HOST.match(entry.strip())
        if match is None or not 0 < int(match["port"] or 1) < 65_536:
            raise ValueError("expected host:port, separated by commas ([v6]:port for IPv6)")
    return value


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _token_url(value: str) -> str:
    """Return a URL to which a secret may be sent. Raises ValueError."""
    expected = "expected https://host/path (http only on loopback), without user and password"
    try:
        parts = urlsplit(value)
        fits = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    except ValueError:
        raise ValueError(expected) from None
    if value and not (fits and parts.hostname and "@" not in parts.netloc):
        raise ValueError(expected)
    return value


def _networks(entries: tuple[str, ...]) -> tuple[str, ...]:
    for entry in entries:
        try:
            ip_network(entry)
        except ValueError:
            raise ValueError(f"expected networks like 192.0.2.0/24, found {entry!r}") from None
    return entries


def _readable(value: str) -> str:
    if value and not Path(value).is_file():
        raise ValueError("expected a file that is there")
    return value


def _still_there(engine: object) -> object:
    """Return what was given. Raises ValueError for an engine of earlier versions."""
    if engine == "gufo":
        raise ValueError("the gufo engine is gone: remove the line, the native engine serves every version")
    return engine


def _engines(entries: tuple[str, ...]) -> tuple[str, ...]:
    for entry in entries:
        whose, _, engine = entry.partition("=")
        _still_there(engine.strip())
        if not whose.strip() or engine.strip() not in list(Engine):
            raise ValueError(f"expected site=engine or site/device=engine, the engine one of {', '.join(Engine)}")
    return tuple("=".join(part.strip() for part in entry.split("=")) for entry in entries)


Hosts = Annotated[str, AfterValidator(_hosts)]
Networks = Annotated[Words, AfterValidator(_networks)]
FilePath = Annotated[str, AfterValidator(_readable)]


class PanoptesSettings(Section):
    """Settings of all stages."""

    topic_prefix: str = setting(
        "panoptes", "the first part of every topic's and consumer group's name", pattern=r"^[A-Za-z0-9_-]{1,100}$"
    )
    state_dir: str = setting(
        ".state/panoptes", "folder for what a worker keeps on disk; relative to the working directory", min_length=1
    )
    format: int = setting(
        1,
        "the format in which tables' values are written; 0, that of before there were formats, while older workers run",
        ge=0,
        le=1,
    )
    log_format: Literal["text", "json"] = setting("text", "how workers log: json is an object a line, with its fields")
    log_level: LogLevel = setting(
        "INFO", "what our own code logs: this level and above, as far as the worker's --loglevel lets it through"
    )


def _key_with_certificate(key: str, certificate: str) -> Rule:
    return Rule(
        ("ssl_key_file", "ssl_certificate_file"),
        bool(certificate) or not key,
        "expected ssl_certificate_file with ssl_key_file",
    )


class KafkaSettings(Section):
    """The brokers, and how topics are made. Outside one-node stacks: replication_factor 3 and min_insync_replicas 2."""

    bootstrap_servers: Hosts = setting("localhost:9092", "brokers to ask first: host:port, separated by commas")
    partitions: int = setting(
        8, "partitions of every topic: the most workers that a stage can use; fixed once topics exist", ge=1, le=10_000
    )
    replication_factor: int = setting(1, "copies of every partition", ge=1, le=100)
    min_insync_replicas: int = setting(1, "copies that must have a record before it counts as stored", ge=1, le=100)
    session_timeout_s: Seconds = setting(10, "a worker silent for so long loses its partitions", ge=1, le=1800)
    heartbeat_interval_s: Seconds = setting(3, "how often a worker says that it lives", gt=0, le=600)
    request_timeout_s: Seconds = setting(30, "a request without an answer is given up and tried again", ge=1, le=600)
    security_protocol: SecurityProtocol = setting("PLAINTEXT", "how brokers are spoken with")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = setting(
        "PLAIN", "how the user proves itself, with SASL_PLAINTEXT and SASL_SSL"
    )
    sasl_username: str = setting("", "the user, with SASL_PLAINTEXT and SASL_SSL; with OAUTHBEARER the client's id")
    sasl_password: SecretText = setting(Secret(""), "the user's password; with OAUTHBEARER the client's secret")
    oauth_token_url: Annotated[str, AfterValidator(_token_url)] = setting(
        "", "where OAUTHBEARER's tokens come from, by client credentials: https, on loopback http, too"
    )
    oauth_scope: str = setting("", "the scope that tokens are asked for; empty: none is named")
    oauth_ca_file: FilePath = setting("", "certificates that sign the token endpoint's; empty: those of the system")
    ssl_ca_file: FilePath = setting("", "certificates that sign the brokers'; empty: those of the system")
    ssl_certificate_file: FilePath = setting("", "our own certificate, where brokers ask for one")
    ssl_key_file: FilePath = setting("", "the key of our own certificate")
    ssl_key_password: SecretText = setting(Secret(""), "the password of that key, where it is encrypted")

    def rules(self) -> Sequence[Rule]:
        return (
            Rule(
                ("heartbeat_interval_s", "session_timeout_s"),
                # a worker that lost its partitions hears of it with a heartbeat, which may be late
                (self.heartbeat_interval_s + HEARTBEAT_LATE_S) * 2 < self.session_timeout_s,
                f"expected heartbeat_interval_s more than {HEARTBEAT_LATE_S:g} s below half of session_timeout_s",
            ),
            Rule(
                ("min_insync_replicas", "replication_factor"),
                self.min_insync_replicas <= self.replication_factor,
                "expected min_insync_replicas no larger than replication_factor",
            ),
            Rule(
                ("security_protocol", "sasl_username", "sasl_password"),
                (bool(self.sasl_username and self.sasl_password) or not self.security_protocol.startswith("SASL")),
                "expected sasl_username and sasl_password with a security_protocol of SASL",
            ),
            Rule(
                ("sasl_mechanism", "oauth_token_url"),
                bool(self.oauth_token_url) or self.sasl_mechanism != "OAUTHBEARER",
                "expected oauth_token_url with OAUTHBEARER",
            ),
            _key_with_certificate(self.ssl_key_file, self.ssl_certificate_file),
        )


class RegistrySettings(Section):
    """The schema registry. A topic belongs to one registry: change it only together with the topics."""

    url: Annotated[str, AfterValidator(_bare_url)] = setting(
        "", "a Confluent-compatible registry; Apicurio's is under /apis/ccompat/v7; empty: files in `directory`"
    )
    directory: str = setting("", "where ids are kept if there is no url; empty: `registry` in [panoptes] state_dir")
    username: str = setting("", "user, where the registry asks for one (HTTP basic authentication)")
    password: SecretText = setting(Secret(""), "the user's password")
    ssl_ca_file: FilePath = setting("", "certificates that sign an https registry's; empty: those of the system")
    allow_newer: bool = setting(
        False, "start although a newer version has registered schemas: while an upgrade is rolled out or taken back"
    )
    request_timeout_s: Seconds = setting(10, "a request without an answer is given up and tried again", gt=0, le=600)


class ZookeeperSettings(Section):
    """ZooKeeper, where each scheduling stage elects its leader."""

    hosts: Hosts = setting("localhost:2181", "host:port, separated by commas")
    root: str = setting("/panoptes", "the path under which everything is kept", pattern=r"^(/[^/\s]+)+$")
    session_timeout_s: Seconds = setting(10, "a leader silent for so long is replaced", ge=1, le=600)
    tls: bool = setting(False, "servers are spoken with by TLS (their secureClientPort)")
    ssl_ca_file: FilePath = setting("", "certificates that sign the servers', with tls; empty: those of the system")
    ssl_certificate_file: FilePath = setting("", "our own certificate, where servers ask for one")
    ssl_key_file: FilePath = setting("", "the key of our own certificate")
    ssl_key_password: SecretText = setting(Secret(""), "the password of that key, where it is encrypted")
    username: str = setting(
        "", "who we are (digest); what we make belongs to this user and nobody else", pattern="^[^:]*$"
    )
    password: SecretText = setting(Secret(""), "the user's password")

    def rules(self) -> Sequence[Rule]:
        return (
            Rule(
                ("username", "password"),
                bool(self.username) == bool(self.password),
                "expected username and password together",
            ),
            Rule(
                ("ssl_key_file", "ssl_certificate_file"),
                # kazoo shows a certificate only where its key is named, too
                bool(self.ssl_key_file) == bool(self.ssl_certificate_file),
                "expected ssl_certificate_file and ssl_key_file together",
            ),
        )


class RedisSettings(Section):
    """Redis, where the devices' credentials are kept; docs/secrets.md lists the keys."""

    url: Annotated[SecretText, AfterValidator(_redis_url)] = setting(
        Secret("redis://localhost:6379/0"), "redis://, rediss:// or unix://; may hold user and password"
    )
    replica_urls: Annotated[SecretText, AfterValidator(_redis_urls)] = setting(
        Secret(""),
        "replicas of it, separated by commas: read in this order while it does not answer, never written to",
    )
    timeout_s: Seconds = setting(5, "a request without an answer is given up and tried again", gt=0, le=600)
    refresh_s: Seconds = setting(
        30, "how often credentials are read again; while Redis is away, known ones stay in use", ge=1, le=DAY_S
    )
    key_ring: str = setting("", "file of the keys that credentials are encrypted with; empty: they are stored plain")
    require_encrypted: bool = setting(False, "credentials that are stored plain are not used")

    def rules(self) -> Sequence[Rule]:
        return (
            Rule(
                ("key_ring", "require_encrypted"),
                bool(self.key_ring) or not self.require_encrypted,
                "expected a key_ring with require_encrypted",
            ),
        )


class WebSettings(Section):
    """The workers' web server: /health, /ready, /metrics and the stages' views."""

    host: str = setting("127.0.0.1", "address that it binds", min_length=1)
    base_port: int = setting(
        6066,
        "stage number i (from 0) takes base_port + 10 i, further workers the next free ones; 0: any",
        ge=0,
        le=65_000,
    )
    ssl_certificate_file: FilePath = setting("", "its certificate; empty: plain HTTP")
    ssl_key_file: FilePath = setting("", "the key of its certificate")
    ssl_key_password: SecretText = setting(Secret(""), "the password of that key, where it is encrypted")
    token: SecretText = setting(
        Secret(""),
        "sent by who asks for anything but /health and /ready (Authorization: Bearer …); empty: not needed",
    )

    def rules(self) -> Sequence[Rule]:
        return (_key_with_certificate(self.ssl_key_file, self.ssl_certificate_file),)


class ResourcesSettings(Section):
    """Merging of sightings into one inventory."""

    precedence: Words = setting(
        (),
        "discovery sections that count first where they see a resource differently, separated by commas; then by name",
    )


class SchedulingSettings(Section):
    """Ticks, and when a worker gives itself up."""

    publish_ahead_s: WholeSeconds = setting(
        10, "how far ahead of its second a tick is published, at least", ge=1, le=600
    )
    max_ticks_in_flight: int = setting(2000, "ticks that one worker holds or works on at a time", ge=10)
    progress_timeout_s: Seconds = setting(
        300,
        "a worker ends itself when a partition with work at hand stands still for so long, and longer than a poll may",
        ge=10,
        le=DAY_S,
    )
    loop_timeout_s: Seconds = setting(
        30, "a worker whose event loop is blocked for so long ends itself", ge=1, le=DAY_S
    )


class PollingSettings(Section):
    """Limits on a polling worker's concurrent work."""

    max_polls_in_flight: int = setting(2000, "polls under way at a time in one worker", ge=1)
    zone: str = setting(
        "",
        "which zone's devices workers of discovery, enrichment and polling with this configuration ask, and no others",
        pattern=r"^[A-Za-z0-9_-]{0,64}$",
    )


class SnmpSettings(Section):
    """Limits on SNMP for each device and for the worker; docs/snmp.md explains each."""

    version: Literal["1", "2c"] = setting("2c", "SNMP version of communities that are stored as a plain string")
    timeout_s: Seconds = setting(_SNMP.timeout_s, "a request without an answer is tried again after this", gt=0, le=60)
    retries: int = setting(_SNMP.retries, "of one request, after its first try", ge=0, le=10)
    backoff: float = setting(_SNMP.backoff, "each retry waits this many times longer", ge=1, le=5)
    jitter: float = setting(_SNMP.jitter, "each wait varies by up to this share, either way", ge=0, le=0.9)
    device_outstanding: int = setting(
        _SNMP.device_outstanding, "requests under way with one device at a time", ge=1, le=100
    )
    device_gap_ms: int = setting(
        _SNMP.device_gap_ms, "least time between two requests to one device, milliseconds", ge=0, le=10_000
    )
    response_bytes: int = setting(
        _SNMP.response_bytes, "responses are planned to be no longer than this", ge=484, le=65_507
    )
    response_bytes_max: int = setting(
        _SNMP.response_bytes_max, "what a device that takes more may grow to", ge=484, le=65_507
    )
    rows_max: int = setting(_SNMP.rows_max, "a walk with more rows is cut off, and says so", ge=100)
    row_set_age_s: Seconds = setting(
        _SNMP.row_set_age_s,
        "a learnt row set is trusted for at most this long; 0 walks every time",
        ge=0,
        le=30 * DAY_S,
    )
    any_source: bool = setting(_SNMP.any_source, "take a response from another address of a multihomed device")
    probe_first_s: Seconds = setting(_SNMP.probe_first_s, "a silent device is probed after this", gt=0, le=DAY_S)
    probe_max_s: Seconds = setting(_SNMP.probe_max_s, "the time between probes doubles up to this", gt=0, le=DAY_S)
    outstanding: int = setting(_SNMP.outstanding, "requests under way in one worker at a time", ge=1)
    packets_per_s: float = setting(
        _SNMP.packets_per_s, "requests that one worker sends in a second", ge=1, le=1_000_000
    )
    retry_share: float = setting(
        _SNMP.retry_share, "retries as a share of a worker's requests, so that an outage makes no storm", ge=0, le=10
    )
    retry_reserve: int = setting(_SNMP.retry_reserve, "retries that may be made at once beyond that share", ge=0)
    probes: int = setting(_SNMP.probes, "probes of silent devices under way at a time", ge=1)
    receive_buffer_bytes: int = setting(_SNMP.receive_buffer_bytes, "the socket's receive buffer", ge=65_536, le=2**30)
    plan_cache_bytes: int = setting(_SNMP.plan_cache_bytes, "prepared requests kept, all devices together", ge=0)
    engine: Annotated[Engine, BeforeValidator(_still_there)] = setting(_SNMP.engine, "auto: native, for every version")
    engines: Annotated[Words, AfterValidator(_engines)] = setting(
        (), "other engines by site or site/device: fra1=pysnmp, fra1/sw1=native"
    )

    def rules(self) -> Sequence[Rule]:
        return (
            Rule(
                ("response_bytes", "response_bytes_max"),
                self.response_bytes <= self.response_bytes_max,
                "expected response_bytes no larger than response_bytes_max",
            ),
            Rule(
                ("probe_first_s", "probe_max_s"),
                self.probe_first_s <= self.probe_max_s,
                "expected probe_first_s no larger than probe_max_s",
            ),
        )


class GaugesSettings(Section):
    """Limits on rates."""

    max_gap_intervals: int = setting(3, "a rate is the mean over at most so many intervals", ge=1, le=100)
    line_rate_margin: float = setting(1.1, "a rate above the line's speed times this is refused", ge=1, le=10)
    emit_counters: bool = setting(False, "put raw counters into gauges too; they stand in raw-counters anyway")
    max_batch_bytes: int = setting(2**20, "bytes that are sent to one partition at a time", ge=2**18, le=8 * 2**20)
    series_bytes: int = setting(
        512 * 2**20,
        "memory for series that are kept decoded, about; the rest is read from the table at each poll",
        ge=2**20,
    )


class ConsoleSettings(Section):
    """The console: `panoptes console`. Without a way to let people in, it binds loopback addresses and no others."""

    host: str = setting("127.0.0.1", "address that it binds", min_length=1)
    port: int = setting(6060, "port that it binds", ge=1, le=65_535)
    auth: Literal["none", "basic", "header"] = setting(
        "none", "who is let in: all, those of password_file, or whom a proxy of trusted_networks names"
    )
    open_to_all: bool = setting(False, "with auth = none: bind an address that others reach, and let them all in")
    password_file: str = setting("", "users and their passwords, hashed, as `panoptes console password` makes it")
    session_s: WholeSeconds = setting(43_200, "a log-in lasts", ge=60, le=30 * DAY_S)
    session_key: SecretText = setting(
        Secret(""), "signs sessions; several consoles that share it share log-ins; empty: a new one each start"
    )
    auth_header: str = setting(
        "X-Remote-User", "where the proxy names the user", pattern=r"^[A-Za-z][A-Za-z0-9-]{0,99}$"
    )
    trusted_networks: Networks = setting((), "networks of proxies whose headers are believed, separated by commas")
    look_back_s: Seconds = setting(
        3600, "how far back gauges, polls and dead letters are read at the start", ge=60, le=7 * DAY_S
    )
    look_back_records: int = setting(
        1_000_000, "and at most so many records of each of these topics", ge=1_000, le=1_000_000_000
    )
    memory_bytes: int = setting(
        64 * 2**20, "memory for numbers of the past, the newest; without store_url", ge=2**20, le=16 * 2**30
    )
    store_url: Annotated[str, AfterValidator(_bare_url)] = setting(
        "", "a store that speaks PromQL, up to /api/v1; empty: the past is what memory has"
    )
    store_timeout_s: Seconds = setting(5, "a query without an answer is given up", gt=0, le=60)
    store_username: str = setting("", "user, where the store asks for one (HTTP basic authentication)")
    store_password: SecretText = setting(Secret(""), "the user's password")
    store_bearer_token: SecretText = setting(Secret(""), "token, where the store asks for one")
    store_tenant: str = setting("", "sent as X-Scope-OrgID", pattern=r"^[A-Za-z0-9_.|-]{0,150}$")
    store_ca_file: FilePath = setting("", "certificates that sign an https store's; empty: those of the system")

    def rules(self) -> Sequence[Rule]:
        return (
            Rule(
                ("host", "auth", "open_to_all"),
                self.auth != "none" or self.open_to_all or is_loopback(self.host),
                "expected a loopback address with auth = none: it lets everybody in who reaches it"
                " (or open_to_all = true)",
            ),
            Rule(
                ("auth", "password_file"),
                self.auth != "basic" or bool(self.password_file),
                "expected a password_file with auth = basic",
            ),
            Rule(
                ("auth", "trusted_networks"),
                self.auth != "header" or bool(self.trusted_networks),
                "expected trusted_networks with auth = header: anybody can send a header",
            ),
        )


class ProfilesSettings(Section):
    """Device profiles: which device is what, and what is read from it. Changed files are picked up within a minute."""

    directories: Words = setting(
        (), "folders of your own profiles, the last wins; for every plugin that reads profiles and has no option for it"
    )


def registry_directory(panoptes: PanoptesSettings, registry: RegistrySettings) -> Path:
    """Return the folder of the file-backed registry."""
    return Path(registry.directory or Path(panoptes.state_dir) / "registry")
