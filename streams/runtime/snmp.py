"""SNMP for the plugins of a stage: limits from the settings, credentials from Redis."""

from dataclasses import fields

from pollers.snmp.limits import Engine, Limits
from pollers.snmp.wire.access import SnmpAccess, open_access
from pollers.snmp.wire.transport import WireCounters
from streams.runtime.kernel.context import now_ms
from streams.runtime.kernel.worker import Worker
from streams.runtime.ops.metrics import Metrics
from streams.runtime.plugins import Offered, Plugins
from streams.runtime.rules import DeviceLimits, classes
from streams.runtime.secrets.named import DISCOVERY, open_named_secrets
from streams.runtime.secrets.store import open_credentials
from streams.runtime.settings.loading import Settings
from streams.runtime.settings.sections import SnmpSettings
from streams.scheduling.filter_fields import ENRICHED
from streams.scheduling.filters import compile_over


def limits_of(settings: SnmpSettings) -> Limits:
    """Convert the `[snmp]` section to `Limits`."""
    values = {field.name: getattr(settings, field.name) for field in fields(Limits)}
    engines = dict(entry.split("=") for entry in settings.engines)
    return Limits(**{**values, "engines": {whose: Engine(engine) for whose, engine in engines.items()}})


def device_limits(settings: Settings) -> DeviceLimits:
    """Return the limits of each device: `[snmp]`, and the first `[snmp:NAME]` that matches it."""
    special = [(compile_over(section.filter, ENRICHED), limits_of(section)) for section in settings.snmp_sections]
    return DeviceLimits(limits_of(settings.snmp), special)


def open_plugins(worker: Worker) -> Plugins:
    """Return the stage's `Plugins`; their SNMP sessions end with the worker."""
    settings = worker.context.settings
    credentials = open_credentials(settings)
    limits = device_limits(settings)
    access = open_access(limits_of(settings.snmp), credentials, limits_of=limits.of)
    _measure(worker.context.metrics, access)
    worker.before_leaving(access.close)
    worker.before_leaving(credentials.close)
    secrets = open_named_secrets(settings.redis, DISCOVERY)
    worker.before_leaving(secrets.close)
    offered = Offered(access, now_ms, secrets.of, classes(settings.class_sections))
    return Plugins(settings, offered, limits.know)


def _measure(metrics: Metrics, access: SnmpAccess) -> None:
    figures = access.figures
    metrics.gauge("snmp_requests_outstanding", "SNMP requests under way", lambda: figures().outstanding)
    metrics.gauge("snmp_operations_waiting", "SNMP operations that wait for room", lambda: figures().waiting)
    metrics.gauge("snmp_devices", "devices of which the engine remembers anything", lambda: figures().devices)
    metrics.gauge("snmp_silent_devices", "devices that are only probed", lambda: figures().silent_devices)
    metrics.counter("snmp_rewalks", "tables walked anew because their rows had changed", lambda: figures().rewalks)
    metrics.counter(
        "snmp_kernel_drops",
        "datagrams lost because the receive buffer was full: they look like slow devices",
        lambda: figures().kernel_drops,
    )
    metrics.counter("snmp_receive_errors", "reads of a socket that failed", lambda: figures().receive_errors)
    metrics.counters(
        "snmp_traffic", "what the engine sent, received and refused", "what", lambda: _numbers(figures().counters)
    )


def _numbers(counters: WireCounters) -> list[tuple[str, float]]:
    return [(field.name, getattr(counters, field.name)) for field in fields(counters)]
