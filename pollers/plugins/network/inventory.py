"""The enrichment plugin `inventory`: reads a device's parts and serial numbers from ENTITY-MIB (RFC 6933)."""

from collections.abc import Mapping
from typing import Final

from pollers.plugins.base import PluginContext
from pollers.plugins.network.rows import deadline_only, exists, readable, rows_of, whole
from pollers.plugins.snmp.enricher import device_of, enrichment
from pollers.profiles.language.absent import Absent
from pollers.profiles.model import As
from pollers.profiles.reading.convert import raw_value
from pollers.snmp.client import Session
from pollers.snmp.values import Data, SnmpTable, Value
from schemas.records import Enrichment, Resource

INVENTORY: Final = "inventory"
ENGINE_ID: Final = "1.3.6.1.6.3.10.2.1.1.0"  #: snmpEngineID (RFC 3411)
BASE_MAC: Final = "1.3.6.1.2.1.17.1.1.0"  #: dot1dBaseBridgeAddress (RFC 4188)
ENTITY: Final = "1.3.6.1.2.1.47.1.1.1.1"
#: entPhysicalTable: containedIn, class, serial number, model name; what decides which parts are of interest
_FIRST: Final = tuple(f"{ENTITY}.{column}" for column in (4, 5, 11, 13))
#: read besides of those: fact -> column
_MORE: Final = {"description": 2, "name": 7, "hardware": 8, "firmware": 9, "software": 10, "manufacturer": 12}
_CLASSES: Final = {3: "chassis", 6: "power-supply", 7: "fan", 9: "module", 10: "port", 11: "stack"}
_CHASSIS, _STACK = 3, 11
#: of larger devices the first so many parts are told
MOST_PARTS: Final = 256
_OPTICS: Final = ("sfp", "xfp", "transceiver", "optic", "gbic", "cfp", "base-sr", "base-lr")


class Inventory:
    """Reads the replaceable parts; sensors and empty slots are left out."""

    def __init__(self, context: PluginContext) -> None:
        """Raises OptionError."""
        self._context = context
        self._deadline_s = deadline_only(context)

    async def enrich(self, resource: Resource) -> Mapping[str, Enrichment]:
        """Return the namespace `inventory`; its facts are those of the chassis. Raises DeviceError."""
        now_ms = self._context.now_ms()
        async with self._context.snmp.open(device_of(resource), self._deadline_s) as session:
            engine_id, base_mac = await session.get_many([ENGINE_ID, BASE_MAC])
            parts = await _read(session)
        facts = {"engine_id": _hex(engine_id), "base_mac": _mac(base_mac)}
        chassis = next((part for part in parts.values() if part["class"] in {"chassis", "stack"}), {})
        facts |= {name: text for name, text in chassis.items() if name not in {"class", "contained_in", "name"}}
        facts = {name: text for name, text in facts.items() if text}
        return {INVENTORY: enrichment(self._context, now_ms, facts, parts)} if facts or parts else {}


async def _read(session: Session) -> dict[str, dict[str, str]]:
    found = interesting(await session.walk(_FIRST))
    oids = [f"{ENTITY}.{column}.{index}" for index in found for column in _MORE.values()]
    values = iter(await session.get_many(oids) if oids else ())
    for part in found.values():
        for name in _MORE:
            if text := _text(next(values)):
                part[name] = text
    return {index: with_kind(part, found) for index, part in found.items()}


def interesting(table: SnmpTable) -> dict[str, dict[str, str]]:
    """Return the parts of the interesting classes, chassis first; other classes only with a serial number or model."""
    found: list[tuple[bool, int, dict[str, str]]] = []
    for index, (inside, kind, serial, model) in rows_of(table):
        said = {"serial": _words(serial), "model": _words(model)}
        if kind not in _CLASSES or len(index) != 1 or (kind not in (_CHASSIS, _STACK) and not any(said.values())):
            continue
        part = {"class": _CLASSES[int(str(kind))], "contained_in": str(whole(inside) or ""), **said}
        part = {name: text for name, text in part.items() if text}
        found.append((kind not in (_CHASSIS, _STACK), index[0], part))
    return {str(index): part for _, index, part in sorted(found, key=lambda each: each[:2])[:MOST_PARTS]}


def with_kind(part: Mapping[str, str], parts: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the part, marked as a transceiver where it is one: a port with a serial number, or a module named so."""
    words = " ".join(part.get(name, "") for name in ("description", "name", "model")).lower()
    within = parts.get(part.get("contained_in", ""), {})
    if part["class"] == "port" or (
        part["class"] == "module" and (within.get("class") == "port" or any(word in words for word in _OPTICS))
    ):
        return {**part, "class": "transceiver"}
    return dict(part)


def _words(cell: Data) -> str:
    return readable(cell) or ""


def _text(value: Value) -> str:
    return _words(value.data) if exists(value) else ""


def _hex(value: Value) -> str:
    return value.data.hex() if exists(value) and isinstance(value.data, bytes) else ""


def _mac(value: Value) -> str:
    cell = raw_value(value.type, value.data, As.MAC)
    return "" if isinstance(cell, Absent) else str(cell)


def create(context: PluginContext) -> Inventory:
    """Return the plugin. Raises OptionError."""
    return Inventory(context)
