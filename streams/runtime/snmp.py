"""SNMP for the plugins of a stage: limits from the settings, credentials from Redis."""

from dataclasses import fields
from typing import Any

from pollers.snmp.access import open_access
from pollers.snmp.client import Access
from pollers.snmp.credentials import CredentialSource
from pollers.snmp.limits import Engine, Limits
from streams.runtime.app import StageApp, now_ms
from streams.runtime.plugins import Plugins
from streams.runtime.secrets import open_credentials
from streams.runtime.sections import SnmpSettings
from streams.runtime.settings import SettingsError


def limits_of(settings: SnmpSettings) -> Limits:
    """Return the `[snmp]` section as the SNMP room wants it. Raises SettingsError for an engine that is none."""
    values: dict[str, Any] = {
        field.name: getattr(settings, field.name) for field in fields(Limits) if field.name != "engines"
    }
    engines: dict[str, Engine] = {}
    for entry in settings.engines:
        whose, _, engine = entry.partition("=")
        if engine not in list(Engine):
            raise SettingsError(
                f"[snmp] engines: expected site=engine, the engine one of {', '.join(Engine)}, found {entry!r}"
            )
        engines[whose.strip()] = Engine(engine)
    return Limits(**values, engines=engines)


def snmp_access(settings: SnmpSettings, credentials: CredentialSource) -> Access:
    """Return the SNMP access of a worker."""
    return open_access(limits_of(settings), credentials)


def open_plugins(app: StageApp) -> Plugins:
    """Return what makes the stage's plugins; their SNMP sessions end with the worker."""
    credentials = open_credentials(app.settings)
    access = snmp_access(app.settings.snmp, credentials)
    app.before_stop.append(access.close)
    app.before_stop.append(credentials.close)
    return Plugins(app.settings, access, now_ms)
