"""Drafts a profile from a walk: the standard tables that the device has, and its vendor's own."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from pollers.profiles.authoring.present import oid_names
from pollers.profiles.authoring.recording import Entry, arcs_of
from pollers.profiles.importing.draft import as_identifier, as_profile_name, to_yaml
from pollers.profiles.importing.forms import ColumnForm, DocumentForm, TableForm
from pollers.profiles.loading.library import Library
from pollers.profiles.reading.convert import decode_text
from pollers.snmp.values import Oid, Type, Value

#: mixins that a draft may extend, the richer one first, and the OID that shows that a device has it
STANDARD: Final[tuple[tuple[str, Oid], ...]] = (
    ("etherlike-mib", "1.3.6.1.2.1.10.7.2.1"),
    ("if-mib", "1.3.6.1.2.1.2.2.1"),
    ("host-resources", "1.3.6.1.2.1.25.2.3.1"),
    ("entity-sensor-mib", "1.3.6.1.2.1.99.1.1.1"),
    ("ucd-snmp", "1.3.6.1.4.1.2021"),
    ("bgp4-mib", "1.3.6.1.2.1.15.3.1"),
    ("ip-mib", "1.3.6.1.2.1.4.31.1.1"),
    ("tcp-mib", "1.3.6.1.2.1.6"),
    ("udp-mib", "1.3.6.1.2.1.7"),
    ("ups-mib", "1.3.6.1.2.1.33"),
    ("ospf-mib", "1.3.6.1.2.1.14.2.1"),
    ("printer-mib", "1.3.6.1.2.1.43"),
    ("power-ethernet-mib", "1.3.6.1.2.1.105.1"),
    ("cisco-memory", "1.3.6.1.4.1.9.9.48.1.1.1"),
    ("cisco-memory", "1.3.6.1.4.1.9.9.109.1.1.1.1"),
    ("cisco-memory", "1.3.6.1.4.1.9.9.221.1.1.1.1"),
    ("cisco-environment", "1.3.6.1.4.1.9.9.117.1"),
    ("cisco-environment", "1.3.6.1.4.1.9.9.91.1.1.1.1"),
    ("cisco-environment", "1.3.6.1.4.1.9.9.13.1"),
    ("cisco-bgp", "1.3.6.1.4.1.9.9.187.1.2"),
    ("juniper-operating", "1.3.6.1.4.1.2636.3.1.13.1"),
    ("juniper-bgp", "1.3.6.1.4.1.2636.5.1.1.2"),
)
ENTERPRISES: Final = arcs_of("1.3.6.1.4.1")
SYS_OBJECT_ID: Final = "1.3.6.1.2.1.1.2.0"
MAX_TABLES: Final = 40
#: a table has at least this share of its cells
MIN_FILLED: Final = 0.5

Arcs: TypeAlias = tuple[int, ...]


def draft_profile(entries: Sequence[Entry], library: Library, name: str) -> str:
    """Return a draft profile as YAML: complete for standard MIBs, a sketch for the vendor's tables."""
    oids = {oid for oid, _ in entries}
    extends = list(dict.fromkeys(mixin for mixin, root in STANDARD if any(oid.startswith(f"{root}.") for oid in oids)))
    if "etherlike-mib" in extends and "if-mib" in extends:
        extends.remove("if-mib")
    known = {oid for mixin in extends for oid in oid_names(library.profiles[mixin])}
    document: DocumentForm = {"profile": as_profile_name(name, "my"), "description": "What this kind of device is."}
    object_id = next((value.data for oid, value in entries if oid == SYS_OBJECT_ID), None)
    if isinstance(object_id, str):
        document["match"] = {"sys_object_id": [object_id]}
    document["extends"] = extends
    scalars, tables = _vendor_parts([entry for entry in entries if arcs_of(entry[0])[:6] == ENTERPRISES], known)
    if scalars:
        document["scalars"] = {"vendor": {"columns": scalars}}
    if tables:
        document["tables"] = tables
    vendor = as_identifier(name.lower())
    document["static_tags"] = {"vendor": vendor}
    document["emit"] = {f"{vendor}_{key}": key for key in ([*tables, "vendor"] if scalars else tables)}
    return _HEAD + to_yaml({key: value for key, value in document.items() if value})


_HEAD: Final = """\
# Drafted from a walk. Give groups and columns the names and units that `panoptes metrics list` has for what they mean,
# or a name with the vendor's prefix, remove what you do not need, and try it:
# panoptes poll --walk FILE --profiles . --profile NAME
"""


def _vendor_parts(entries: Iterable[Entry], known: set[Oid]) -> tuple[dict[str, ColumnForm], dict[str, TableForm]]:
    """Return scalars, and tables by their entry."""
    left = [(arcs_of(oid), value) for oid, value in entries]
    places = _entries([arcs for arcs, _ in left])
    scalars: dict[str, ColumnForm] = {}
    columns: dict[Oid, list[Value]] = {}
    for arcs, value in left:
        place = places.get(arcs)
        if place is None:
            name = as_identifier(f"scalar_{'_'.join(map(str, arcs[7:-1]))}")
            scalars.setdefault(name, _column(".".join(map(str, arcs)), [value]))
        else:
            columns.setdefault(".".join(map(str, arcs[: place + 1])), []).append(value)
    tables: dict[str, TableForm] = {}
    for column, values in columns.items():
        entry, _, number = column.rpartition(".")
        name = as_identifier(f"table_{'_'.join(entry.split('.')[7:])}")
        if column not in known and (name in tables or len(tables) < MAX_TABLES):
            table = tables.setdefault(name, {"columns": {}})
            table["columns"][f"column_{number}"] = _column(column, values)
            if _is_text(values):
                table.setdefault("row", [f"column_{number}"])
    return scalars, tables


def _is_text(values: Sequence[Value]) -> bool:
    """Return whether a column can name its rows: texts, and not all of them blank."""
    texts = [value.data for value in values if isinstance(value.data, bytes) and value.type is Type.OCTET_STRING]
    found = [decode_text(data) for data in texts]
    return (
        len(texts) == len(values)
        and any(found)
        and all(t != data.hex() for t, data in zip(found, texts, strict=True) if t)
    )


def _entries(oids: Sequence[Arcs]) -> dict[Arcs, int]:
    """Return where each OID's column number stands; OIDs that are in no table are left out.

    An entry ends in 1 and its columns come next (RFC 2578 §7.1.12), but an index may hold a 1 as well: of all places
    the one counts whose columns share their rows best.
    """
    members: dict[Arcs, list[Arcs]] = {}
    for arcs in oids:
        for place in range(8, len(arcs) - 1):
            if arcs[place - 1] == 1:
                members.setdefault(arcs[:place], []).append(arcs)
    scores = {entry: _score(entry, found) for entry, found in members.items()}
    places: dict[Arcs, int] = {}
    for arcs in oids:
        fitting = [place for place in range(8, len(arcs) - 1) if scores.get(arcs[:place], 0.0) > 0]
        if fitting:
            places[arcs] = max(fitting, key=lambda place: (scores[arcs[:place]], -place))
        elif arcs[-1] != 0 and len(arcs) > len(ENTERPRISES) + 3:
            places[arcs] = (
                len(arcs) - 2
            )  # a scalar's instance is 0 (RFC 2578 §7.1.12): this is a row, whatever its table
    return places


def _score(entry: Arcs, found: Sequence[Arcs]) -> float:
    """Return how much of a table an entry makes: its cells, if most columns have most rows; 0 = no table."""
    columns = {arcs[len(entry)] for arcs in found}
    rows = {arcs[len(entry) + 1 :] for arcs in found}
    if rows == {(0,)} or (len(columns) == 1 and all(row[-1] == 0 for row in rows)):
        return 0.0  # scalars
    filled = len(found) / (len(columns) * len(rows))
    if len(columns) > 1:
        return len(found) * filled if filled >= MIN_FILLED else 0.0
    # of a table that has a single cell, the shortest index is the likeliest
    return 0.5 if len(rows) > 1 else 0.5 / (1 + max(map(len, rows)))


def _column(oid: Oid, values: Sequence[Value]) -> ColumnForm:
    kinds = {value.type for value in values}
    if kinds <= {Type.COUNTER32, Type.COUNTER64}:
        return {"oid": oid, "use": "counter"}
    if kinds <= {Type.OCTET_STRING, Type.IP_ADDRESS, Type.OBJECT_IDENTIFIER}:
        return {"oid": oid, "use": "tag", "refresh": "1h"}
    return {"oid": oid, "use": "gauge"}
