"""LibreNMS' definitions of systems: which devices are one (os_detection), and what they are asked for (os_discovery).

Its files name objects by MIB and by number. What has a number comes over: the values of sensors, states, processors and
pools of memory. Names of rows, limits and facts stand there by name alone, and are told as lost.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Final, NamedTuple

from pollers.profiles.importing.draft import (
    Draft,
    Imported,
    Loss,
    as_identifier,
    as_label,
    as_list,
    as_mapping,
    as_number,
    as_profile_name,
    imported,
    sys_object_ids,
    unique,
)
from pollers.profiles.importing.forms import ColumnForm, Foreign, TableForm

PREFIX: Final = "librenms"
#: how the name of what a system is asked for ends; what detects the system extends it
DISCOVERY: Final = ".discovery"
_DETECTION_KEYS: Final = {"sysObjectID", "sysDescr", "sysDescr_regex"}
_MODULES: Final = {"sensors", "processors", "mempools"}
_VALUE_KEYS: Final = {
    "oid", "value", "num_oid", "descr", "index", "divisor", "multiplier", "precision", "states", "skip_values",
    "skip_value_lt", "skip_value_gt", "user_func",
    # how it is fetched, stored, drawn and grouped there
    "snmp_flags", "type", "state_name", "group", "poller_type", "rrd_type", "count",
}  # fmt: skip
_INDEX: Final = re.compile(r"^(.*?)\.?\{\{ *\$?index *\}\}$")
_ALONE: Final = re.compile(r"^(.*?)\{\{ *\$?noindex *\}\}$")  # the number is the instance's
_PLAIN: Final = re.compile(r"^[^{}:$]{1,60}$")
_DELIMITED: Final = re.compile(r"^(.)(.*)\1([a-z]*)$", re.DOTALL)


class Meaning(NamedTuple):
    """What a class of sensors is here."""

    group: str
    metric: str
    unit: str = ""
    scale: float = 1.0  #: from LibreNMS' unit to ours
    key: str = "sensor"  #: the tag that names a row


class Numbered(NamedTuple):
    """Where a value is."""

    oid: str
    alone: bool  #: it is the instance's, and no column's


#: https://docs.librenms.org/Developing/os/Health-Information, "classes"; other classes keep their names
_MEANINGS: Final = {
    "temperature": Meaning("temperature", "temperature", "celsius"),
    "voltage": Meaning("voltage", "voltage", "V"),
    "current": Meaning("current", "current", "A"),
    "power": Meaning("power_draw", "power_draw", "W"),
    "frequency": Meaning("frequency", "frequency", "Hz"),
    "humidity": Meaning("humidity", "humidity", "percent"),
    "fanspeed": Meaning("fan", "fan_speed", "rpm", key="fan_name"),
    "dbm": Meaning("light", "light", "dBm"),
    "charge": Meaning("ups", "charge", "percent"),
    "runtime": Meaning("ups", "remaining_time", "s", 60.0),
    "processors": Meaning("cpu", "cpu_utilization", "percent", key="cpu_name"),
    "mempools": Meaning("memory", "memory_utilization", "percent", key="memory_name"),
}
_FUNCTIONS: Final = {"fahrenheit_to_celsius": "({} - 32) / 1.8", "kelvin_to_celsius": "{} - 273.15"}


def import_file(text: str, file: str) -> Imported:
    """Return the profiles of a file: of what detects a system, or of what it is asked for."""
    return imported(text, file, _read_file)


def _read_file(source: object, file: str, found: Imported) -> None:
    name = as_profile_name(PurePath(file).stem, PREFIX)
    if isinstance(source, Mapping) and "modules" in source:
        drafts = [_discovery(Draft(f"{name}{DISCOVERY}", file, "LibreNMS"), source)]
    elif isinstance(source, Mapping) and "discovery" in source:
        drafts = list(_detections(name, file, source))
    else:
        found.losses.append(Loss(file, "file", "no definition: neither `discovery` nor `modules` in it"))
        return
    for draft in drafts:
        found.profiles[draft.name] = draft.document()
        found.losses += draft.losses


def _detections(name: str, file: str, source: Foreign) -> Iterator[Draft]:
    """Yield a profile for each text that tells the system: one has one pattern for sysDescr.

    Where nothing else is asked, all sysObjectIDs are one profile's.
    """
    by_text: dict[str, list[object]] = {}
    lost: list[tuple[str, str]] = []
    for position, block in enumerate(as_list(source.get("discovery"))):
        rules, where = as_mapping(block), f"discovery[{position}]"
        others = sorted(str(key) for key in rules.keys() - _DETECTION_KEYS)
        if others:
            lost.append((where, f"a rule that asks for {', '.join(others)} was left out"))
            continue
        by_text.setdefault(_descr_pattern(rules), []).extend(as_list(rules.get("sysObjectID")))
    for number, (text, oids) in enumerate(by_text.items(), 1):
        draft = Draft(name if number == 1 else f"{name}-{number}", file, "LibreNMS", extends=[f"{name}{DISCOVERY}"])
        stems = [str(oid).strip().strip(".") for oid in oids]
        sys_object_ids(draft, [form for stem in stems for form in (stem, f"{stem}.*")])
        if text and (pattern := draft.pattern(text, "discovery.sysDescr")):
            draft.match["sys_descr"] = pattern
        elif text:
            draft.match = {}
        for entry in lost if number == 1 else ():
            draft.lost(*entry)
        draft.static_tags["os"] = str(source.get("os") or name)
        yield draft
    if not by_text:
        draft = Draft(name, file, "LibreNMS", extends=[f"{name}{DISCOVERY}"])
        for entry in lost:
            draft.lost(*entry)
        yield draft


def _descr_pattern(rules: Foreign) -> str:
    """Return a pattern for whatever texts a rule names, or nothing: a text is to be in sysDescr, a regex to match."""
    texts = [re.escape(str(text)) for text in as_list(rules.get("sysDescr"))]
    for text in as_list(rules.get("sysDescr_regex")):
        delimited = _DELIMITED.match(str(text))
        pattern = delimited[2] if delimited else str(text)
        texts.append(f"(?i:{pattern})" if delimited and "i" in delimited[3] else pattern)
    return "|".join(texts)


def _discovery(draft: Draft, source: Foreign) -> Draft:
    modules = as_mapping(source.get("modules"))
    for name in modules.keys() - _MODULES:
        draft.lost(f"modules.{name}", "a module without counterpart was left out")
    reader = _Reader(draft)
    for name, section in as_mapping(modules.get("sensors")).items():
        if name != "additional_oids":  # what rows are called and limited by: known by name alone
            reader.section(str(name), as_mapping(section), f"modules.sensors.{name}")
    for name in ("processors", "mempools"):
        reader.section(name, as_mapping(modules.get(name)), f"modules.{name}")
    return draft


class _Reader:
    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.groups: dict[str, list[str]] = {}

    def section(self, kind: str, section: Foreign, where: str) -> None:
        """Read a class of sensors, or the processors, or the pools of memory."""
        options = as_mapping(section.get("options"))
        for position, entry in enumerate(as_list(section.get("data"))):
            here = f"{where}[{position}]"
            rules: Foreign = {**options, **as_mapping(entry)}
            if kind == "mempools":  # the share alone says itself what it is; the others are told by their MIB's names
                rules = {"oid": rules.get("percent_used") or rules.get("used"), "descr": rules.get("descr")}
            for key in sorted(str(key) for key in rules.keys() - _VALUE_KEYS):
                self.draft.lost(f"{here}.{key}", "a key without counterpart was left out")
            found = self._number(rules, here)
            if found is not None:
                self._value(kind, rules, found, here)

    def _number(self, rules: Foreign, here: str) -> Numbered | None:
        """Return the number of the column, or of the instance, that holds the value."""
        text = str(rules.get("num_oid") or rules.get("oid") or "").strip()
        indexed, alone = _INDEX.match(text), _ALONE.match(text)
        stem = (indexed[1] if indexed else alone[1] if alone else text).strip().strip(".")
        if not stem.replace(".", "").isdigit():
            self.draft.lost(here, f"named by its MIB alone: {text[:80]}")
            return None
        oid = self.draft.oid(stem, here)
        return None if oid is None else Numbered(oid, alone is not None or (indexed is None and text.endswith(".0")))

    def _value(self, kind: str, rules: Foreign, found: Numbered, here: str) -> None:
        oid = found.oid
        states = {as_label(one["value"]): as_label(one["descr"]) for one in _states(rules)}
        meaning = _MEANINGS.get(kind) or Meaning(f"librenms_{as_identifier(kind)}", as_identifier(kind))
        table: TableForm = {"columns": {}}
        taken = {*self.draft.tables, *self.draft.scalars}
        owner = unique(as_identifier(f"{meaning.group}_{_object(rules)}"), taken)
        if not self._skipped(table, rules, oid, here):
            return
        if kind == "state":
            if not states:
                self.draft.lost(here, "states without names: the number is kept")
            table["columns"][meaning.metric] = {"oid": oid, **({"enum": states} if states else {}), "use": "state"}
        elif not self._measured(owner, table, meaning, rules, oid, here):
            return
        self._named(table, meaning, rules, here, alone=found.alone)
        kin = self.draft.scalars if found.alone else self.draft.tables
        kin[owner] = table
        # a group is made of tables or of sets of scalars: whichever comes second has one of its own
        group = meaning.group if kin.keys() >= {*self.groups.get(meaning.group, [])} else f"librenms_{meaning.group}"
        self.groups.setdefault(group, []).append(owner)
        self.draft.emit[group] = self.groups[group]

    def _measured(self, owner: str, table: TableForm, meaning: Meaning, rules: Foreign, oid: str, here: str) -> bool:
        """Add a number, scaled; where it is what is left of a hundred, or in other degrees, by an expression."""
        column: ColumnForm = {"oid": oid, "use": "gauge", **({"unit": meaning.unit} if meaning.unit else {})}
        try:
            precision = as_number(rules.get("precision") or 1)  # of processors: divided by it, below zero what is idle
            divisor = as_number(rules.get("divisor") or 1) * abs(precision)
            scale = as_number(rules.get("multiplier") or 1) / divisor * meaning.scale
        except (ValueError, ZeroDivisionError):
            self.draft.lost(here, "a scale that is no number: the value was left out")
            return False
        function = str(rules.get("user_func") or "")
        form = "100 - {}" if precision < 0 else _FUNCTIONS.get(function, "{}")
        if function and function not in _FUNCTIONS:
            self.draft.lost(here, f"function {function}: the value, which would be wrong without, was left out")
            return False
        if scale != 1:
            column["scale"] = scale
        if form == "{}":
            table["columns"][meaning.metric] = column
            return True
        table["columns"]["raw"] = {**column, "use": "reference"}
        return self.draft.compute(owner, table, meaning.metric, form.format("raw"), meaning.unit)

    def _skipped(self, table: TableForm, rules: Foreign, oid: str, here: str) -> bool:
        """Leave out rows whose number, as the device sent it, means that there is none.

        False where only another object tells which rows are of this kind: their numbers could be anything.
        """
        tests: list[str] = []
        for key, form in (("skip_values", "{} != {}"), ("skip_value_lt", "{} >= {}"), ("skip_value_gt", "{} <= {}")):
            for value in as_list(rules.get(key)):
                rule = as_mapping(value)
                same = str(rule.get("op", "=")) in {"=", "=="}
                if rule and not same:
                    self.draft.lost(f"{here}.{key}", f"rows are told by {rule.get('oid')}: the value was left out")
                    return False
                own = not rule or _object({"oid": rule.get("oid")}) == _object(rules)
                try:
                    sent = as_number(rule.get("value") if rule else value)
                except (ValueError, TypeError):
                    own = False
                if own:
                    tests.append(f"({form.format('sent', f'{sent:g}')})")
                else:
                    self.draft.lost(f"{here}.{key}", f"rows that {_brief(value)} tells are kept")
        if tests:
            table["columns"]["sent"] = {"oid": oid, "use": "reference"}
            table["when"] = " and ".join(tests)
        return True

    def _named(self, table: TableForm, meaning: Meaning, rules: Foreign, here: str, *, alone: bool) -> None:
        """Name the rows by the text that is the same for all, with the index where it is not alone."""
        text = str(rules.get("descr") or "").strip()
        plain = text.replace("{{ $index }}", "").strip()
        if plain and _PLAIN.match(plain) and "." not in plain.split(" ")[0]:
            quoted = plain.replace("'", "")
            if alone:
                table["static_tags"] = {meaning.key: quoted}
            else:
                table["tags"] = {meaning.key: f"if(index == '0', '{quoted}', concat('{quoted} ', index))"}
            table["row"] = [meaning.key]
        elif text:
            self.draft.lost(f"{here}.descr", f"rows are named by their index, not by {text[:60]}")


def _brief(value: object) -> str:
    rule = as_mapping(value)
    return f"{rule.get('oid')} {rule.get('op', '=')} {rule.get('value')}" if rule else str(value)[:60]


def _states(rules: Foreign) -> Iterator[Foreign]:
    for one in as_list(rules.get("states")):
        if isinstance(one, Mapping) and one.get("value") is not None and one.get("descr") is not None:
            yield one


def _object(rules: Foreign) -> str:
    """Return the name of the object that holds the value, without its MIB."""
    return str(rules.get("value") or rules.get("oid") or "value").rpartition("::")[2]
