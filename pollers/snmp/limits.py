"""The `[snmp]` settings: rate limits for each device and for the worker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

#: what an SNMP message may have on an Ethernet path without fragments: 1,500 less the IP and UDP headers
ETHERNET_PAYLOAD_BYTES: Final = 1472


class Engine(StrEnum):
    """The SNMP engine for a device; AUTO is the native one, for every version."""

    AUTO = "auto"
    NATIVE = "native"
    PYSNMP = "pysnmp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Every field is a setting of the same name in `[snmp]`."""

    # one request
    timeout_s: float = 2.0  #: until the first retry
    retries: int = 2  #: of one request, after its first try
    backoff: float = 1.5  #: each retry waits this many times longer
    jitter: float = 0.2  #: each wait varies by up to this share, either way
    # one device
    device_outstanding: int = 2  #: requests under way at a time
    device_gap_ms: int = 0  #: least time between two requests
    response_bytes: int = 1400  #: responses are planned to be no longer than this
    response_bytes_max: int = ETHERNET_PAYLOAD_BYTES  #: what a device that takes more may grow to
    rows_max: int = 100_000  #: a walk with more rows is cut off, with a problem
    row_set_age_s: float = 3600.0  #: a learnt row set is trusted for at most this long; 0 walks every time
    any_source: bool = False  #: accept a response from another address of a multihomed device
    # a device that is silent
    probe_first_s: float = 30.0  #: first interval between probes
    probe_max_s: float = 600.0  #: it doubles up to this
    # the worker
    outstanding: int = 1000  #: requests under way at a time
    packets_per_s: float = 20_000.0  #: requests sent
    retry_share: float = 0.2  #: retries as a share of requests
    retry_reserve: int = 100  #: retries that may be made at once beyond that share
    probes: int = 100  #: probes of silent devices under way at a time
    receive_buffer_bytes: int = 8 * 1024 * 1024
    plan_cache_bytes: int = 64 * 1024 * 1024  #: prepared requests kept, all devices together
    # which engine
    engine: Engine = Engine.AUTO
    engines: Mapping[str, Engine] = field(default_factory=dict)  #: by `site/device_id`, or by site


def engine_for(limits: Limits, site: str, device_id: str) -> Engine:
    """Return the configured engine: the device's own, its site's, or the default."""
    return limits.engines.get(f"{site}/{device_id}") or limits.engines.get(site) or limits.engine
