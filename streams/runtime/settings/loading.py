"""Loads the typed configuration: `panoptes.ini`, `conf.d/*.ini` beside it, and environment variables."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from pollers.plugins.base import Kind
from pollers.snmp.credentials import HIDDEN
from schemas.errors import FatalError
from streams.runtime.settings.expected import expected, is_secret
from streams.runtime.settings.ini import (
    ENV_CONFIG,
    FROM_FILE,
    IniEntry,
    Raw,
    did_you_mean,
    read_environment,
    read_files,
    read_secret_files,
    with_credentials,
)
from streams.runtime.settings.plugin_sections import (
    BUILT_IN,
    DEFAULT_INTERVAL_S,
    NAME,
    READ_PROFILES,
    SECRET_OPTION,
    PluginSection,
    plugin_keys,
    section_class,
)
from streams.runtime.settings.rule_sections import RULES, ClassSection, SnmpSection
from streams.runtime.settings.sections import (
    ConsoleSettings,
    GaugesSettings,
    KafkaSettings,
    PanoptesSettings,
    PollingSettings,
    ProfilesSettings,
    RedisSettings,
    RegistrySettings,
    ResourcesSettings,
    SchedulingSettings,
    SnmpSettings,
    WebSettings,
    ZookeeperSettings,
)
from streams.runtime.settings.setting import DoNotFit, Section
from streams.runtime.settings.topics_section import TopicsSettings

__all__ = ["KafkaSettings", "PluginSection", "Settings", "SettingsError", "examine", "load"]

DEFAULT_FILE: Final = "panoptes.ini"
_SHOWN: Final = 80  #: characters of a wrong value in a message
_USER_INFO: Final = re.compile(r"//.*@")


class SettingsError(FatalError):
    """Invalid settings: one line (a filter's error: more) for each."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems: Sequence[str] = problems


class Settings(BaseModel):
    """All settings, one attribute for each section; without arguments, the defaults."""

    model_config = ConfigDict(frozen=True)

    panoptes: PanoptesSettings = PanoptesSettings()
    kafka: KafkaSettings = KafkaSettings()
    topics: TopicsSettings = TopicsSettings()
    registry: RegistrySettings = RegistrySettings()
    zookeeper: ZookeeperSettings = ZookeeperSettings()
    redis: RedisSettings = RedisSettings()
    web: WebSettings = WebSettings()
    resources: ResourcesSettings = ResourcesSettings()
    scheduling: SchedulingSettings = SchedulingSettings()
    polling: PollingSettings = PollingSettings()
    snmp: SnmpSettings = SnmpSettings()
    gauges: GaugesSettings = GaugesSettings()
    console: ConsoleSettings = ConsoleSettings()
    profiles: ProfilesSettings = ProfilesSettings()
    snmp_sections: tuple[SnmpSection, ...] = ()
    class_sections: tuple[ClassSection, ...] = ()
    plugin_sections: tuple[PluginSection, ...] = Field(default_factory=lambda: _plugin_sections(_with_built_in(Raw())))

    def plugins(self, kind: Kind) -> Sequence[PluginSection]:
        """Return the enabled sections of a kind, sorted by name."""
        return [section for section in self.plugin_sections if section.kind == kind and section.enabled]


class Examined(NamedTuple):
    """A configuration with all its errors."""

    settings: Settings  #: what is right, with defaults for what is wrong: to be looked at, not to be used
    problems: Sequence[str]  #: a line (a filter's error: more) for each


#: section -> its class, in the order of the documentation
SECTIONS: Final[Mapping[str, type[Section]]] = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Load the settings of the file, of `conf.d/*.ini` beside it, and of the environment; later ones win.

    Without a path it is $PANOPTES_CONFIG, else ./panoptes.ini if there is one, else the defaults.
    Raises SettingsError that names everything that is wrong.
    """
    settings, problems = examine(path, environ)
    if problems:
        raise SettingsError(*problems)
    return settings


def examine(path: Path | None, environ: Mapping[str, str]) -> Examined:
    """Return the settings if they can be made, and all errors that keep `load` from it."""
    if path is None and environ.get(ENV_CONFIG):
        path = Path(environ[ENV_CONFIG])
    if path is None and Path(DEFAULT_FILE).exists():
        path = Path(DEFAULT_FILE)
    raw = _with_built_in(read_files(path) if path is not None else Raw())
    known: dict[str, Iterable[str] | None] = dict.fromkeys(filter(_is_plugin, raw.sections))
    for name, model in SECTIONS.items():
        known[name] = (*model.model_fields, *(f"{key}{FROM_FILE}" for key in _secrets(model)))
    known |= {title: rule.keys for title in raw.sections if (rule := _rule(title)) is not None}
    read_environment(raw, with_credentials(environ), known)
    for name, model in SECTIONS.items():
        read_secret_files(raw, name, _secrets(model))
    return Examined(_settings(raw), raw.problems)


def _secrets(model: type[Section]) -> list[str]:
    return [key for key, field in model.model_fields.items() if is_secret(field)]


def _settings(raw: Raw) -> Settings:
    """Return what is right; what is not is added to `raw.problems`."""
    for title in raw.sections:
        if title not in SECTIONS and not _is_plugin(title) and _rule(title) is None:
            raw.problems.append(f"{raw.where[title]}: [{title}]: {_known_sections(title)}")
    made = {name: _section(raw, name, model) for name, model in SECTIONS.items()}
    # not checked again: what is right of a section with faults need not fit together with the defaults beside it
    rules = {f"{kind}_sections": _rule_sections(raw, kind) for kind in RULES}
    profiles = made["profiles"]
    if isinstance(profiles, ProfilesSettings):
        raw = _with_profiles(raw, profiles)
    return Settings.model_construct(None, **made, **rules, plugin_sections=_plugin_sections(raw))


def _rule(title: str) -> type[SnmpSection] | type[ClassSection] | None:
    kind, colon, _ = title.partition(":")
    return RULES.get(kind) if colon else None


def _rule_sections(raw: Raw, kind: str) -> tuple[Section, ...]:
    """Return the sections of a kind by name; of what a section does not say, the one without a name has the say."""
    found: list[Section] = []
    for title in sorted(title for title in raw.sections if title.startswith(f"{kind}:")):
        model, name = RULES[kind], _name(raw, title)
        general = {key: entry for key, entry in raw.sections.get(kind, {}).items() if key in model.keys}
        _only(raw, title, model.keys)
        own = {key: entry for key, entry in raw.sections[title].items() if key in model.keys}
        section = _validate(raw, title, model, {**general, **own}, {"name": name})
        if section is not None:
            found.append(section)
    return tuple(found)


def _only(raw: Raw, title: str, keys: Sequence[str]) -> None:
    for key, entry in raw.sections.get(title, {}).items():
        if key not in keys:
            raw.problems.append(
                f"{entry.where}: [{title}] {key}: expected a setting of this section{did_you_mean(key, keys)}"
            )


def _name(raw: Raw, title: str) -> str:
    name = title.partition(":")[2]
    if not NAME.match(name):
        raw.problems.append(f"{raw.where[title]}: [{title}]: expected a name of letters, digits, _ and -, at most 64")
    return name


def _known_sections(title: str) -> str:
    kinds = [f"{kind}:NAME" for kind in (*Kind, *RULES)]
    return f"expected one of {', '.join([*SECTIONS, *kinds])}{did_you_mean(title, SECTIONS)}"


def _section(raw: Raw, title: str, model: type[Section]) -> Section | None:
    entries = raw.sections.get(title, {})
    _only(raw, title, tuple(model.model_fields))
    known = {key: entry for key, entry in entries.items() if key in model.model_fields}
    return _validate(raw, title, model, known, {})


def _is_plugin(title: str) -> bool:
    kind, colon, _ = title.partition(":")
    return bool(colon) and kind in list(Kind)


def _with_built_in(raw: Raw) -> Raw:
    """Add the built-in plugin sections of each kind of which there is none."""
    present = {title.partition(":")[0] for title in raw.sections if _is_plugin(title)}
    for kind, name, keys in BUILT_IN:
        if kind not in present:
            for key, value in keys.items():
                raw.put(f"{kind}:{name}", key, IniEntry(value, "built-in default"))
    return raw


def _with_profiles(raw: Raw, profiles: ProfilesSettings) -> Raw:
    """Give the folders of `[profiles]` to the sections of plugins that read profiles, where they name none."""
    for title in filter(_is_plugin, raw.sections):
        plugin = raw.sections[title].get("plugin")
        reads = plugin is not None and (title.partition(":")[0], plugin.value) in READ_PROFILES
        if profiles.directories and reads and "profiles" not in raw.sections[title]:
            where = raw.sections["profiles"]["directories"].where
            raw.put(title, "profiles", IniEntry(":".join(profiles.directories), where))
    return raw


def _plugin_sections(raw: Raw) -> tuple[PluginSection, ...]:
    titles = sorted(filter(_is_plugin, raw.sections))
    made = (_plugin_section(raw, title) for title in titles)
    return tuple(section for section in made if section is not None)


def _plugin_section(raw: Raw, title: str) -> PluginSection | None:
    kind, entries = Kind(title.partition(":")[0]), raw.sections[title]
    keys, name = plugin_keys(kind), _name(raw, title)
    others = {
        "kind": kind,
        "name": name,
        "interval_s": DEFAULT_INTERVAL_S[kind],
        "options": {key: entry.value for key, entry in entries.items() if key not in keys},
        "where": {"": raw.where[title]} | {key: entry.where for key, entry in entries.items()},
    }
    known = {key: entry for key, entry in entries.items() if key in keys}
    section = _validate(raw, title, section_class(kind), known, others)
    return section if isinstance(section, PluginSection) else None


def _validate(
    raw: Raw, title: str, model: type[Section], entries: Mapping[str, IniEntry], others: Mapping[str, object]
) -> Section | None:
    """Return the section, with its own defaults or `others` for what is wrong; None where something has no default.

    Every fault is added to `raw.problems`. pydantic looks at what must fit together only once every setting is right by
    itself, so what is found wrong is left out and the rest is looked at again.
    """
    wrong: set[str] = set()
    while True:
        values = {**others, **{key: entry.value for key, entry in entries.items() if key not in wrong}}
        try:
            return model.model_validate(values, context=wrong)
        except ValidationError as error:
            faults = [fault for fault in _faults(error) if not wrong.issuperset(fault.keys)]
        if not faults:
            return None
        raw.problems += [_problem(raw, title, model, entries, fault) for fault in faults]
        wrong.update(key for fault in faults for key in fault.keys)


class _Fault(NamedTuple):
    keys: Sequence[str]  #: one setting that is wrong, or several that do not fit together
    expected: str | None  #: "expected ...", where it is not just what the setting takes


def _faults(error: ValidationError) -> Iterator[_Fault]:
    for problem in error.errors(include_url=False, include_input=False):
        cause = problem.get("ctx", {}).get("error")
        if isinstance(cause, DoNotFit):
            yield from (_Fault(rule.keys, rule.expected) for rule in cause.rules)
        else:
            yield _Fault((str(problem["loc"][0]),), str(cause) if problem["type"] == "value_error" else None)


def _problem(raw: Raw, title: str, model: type[Section], entries: Mapping[str, IniEntry], fault: _Fault) -> str:
    key = next((key for key in fault.keys if key in entries), fault.keys[0])
    field: FieldInfo = model.model_fields[key]
    value, where = entries.get(key, IniEntry("", raw.where.get(title, "defaults")))
    wanted = fault.expected or f"expected {expected(field)}"
    shown = HIDDEN if is_secret(field) else repr(_USER_INFO.sub(f"//{HIDDEN}@", value[:_SHOWN]))
    found = "" if "\n" in wanted or len(fault.keys) > 1 else f", found {shown if key in entries else 'nothing'}"
    return f"{where}: [{title}] {key}: {wanted}{found}"


def shown_option(section: PluginSection, key: str) -> str:
    """Return an option's value for printing."""
    return HIDDEN if SECRET_OPTION.search(key) else section.options[key]
