"""The configuration, typed and checked: `panoptes.ini`, `conf.d/*.ini` beside it, and environment variables."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from pollers.plugins.base import Kind
from pollers.snmp.credentials import HIDDEN
from schemas.errors import FatalError
from streams.runtime.expected import expected, is_secret
from streams.runtime.ini import ENV_CONFIG, Entry, Raw, did_you_mean, read_environment, read_files
from streams.runtime.plugin_sections import (
    BUILT_IN,
    DEFAULT_INTERVAL_S,
    NAME,
    PLUGIN_KEYS,
    READ_PROFILES,
    SECRET_OPTION,
    PluginSection,
)
from streams.runtime.sections import (
    GaugesSettings,
    KafkaSettings,
    PanoptesSettings,
    PollingSettings,
    ProfilesSettings,
    RedisSettings,
    RegistrySettings,
    SchedulingSettings,
    SnmpSettings,
    WebSettings,
    ZookeeperSettings,
)
from streams.runtime.setting import Section

__all__ = ["KafkaSettings", "PluginSection", "Settings", "SettingsError", "load"]

DEFAULT_FILE: Final = "panoptes.ini"
_SHOWN: Final = 80  #: characters of a wrong value in a message
_USER_INFO: Final = re.compile(r"//.*@")


class SettingsError(FatalError):
    """Settings that cannot be used: one line (a filter's error: more) for each, all of them."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems: Sequence[str] = problems


class Settings(BaseModel):
    """Everything that can be set, one attribute per section; made without arguments it is the defaults."""

    model_config = ConfigDict(frozen=True)

    panoptes: PanoptesSettings = PanoptesSettings()
    kafka: KafkaSettings = KafkaSettings()
    registry: RegistrySettings = RegistrySettings()
    zookeeper: ZookeeperSettings = ZookeeperSettings()
    redis: RedisSettings = RedisSettings()
    web: WebSettings = WebSettings()
    scheduling: SchedulingSettings = SchedulingSettings()
    polling: PollingSettings = PollingSettings()
    snmp: SnmpSettings = SnmpSettings()
    gauges: GaugesSettings = GaugesSettings()
    profiles: ProfilesSettings = ProfilesSettings()
    plugin_sections: tuple[PluginSection, ...] = Field(default_factory=lambda: _plugin_sections(_with_built_in(Raw())))

    def plugins(self, kind: Kind) -> Sequence[PluginSection]:
        """Return the enabled sections of a kind, sorted by name."""
        return [section for section in self.plugin_sections if section.kind == kind and section.enabled]


#: section -> its class, in the order of the documentation
SECTIONS: Final[Mapping[str, type[Section]]] = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings of the file, of `conf.d/*.ini` beside it, and of the environment; later ones win.

    Without a path it is $PANOPTES_CONFIG, else ./panoptes.ini if there is one, else the defaults.
    Raises SettingsError that names everything that is wrong.
    """
    if path is None and environ.get(ENV_CONFIG):
        path = Path(environ[ENV_CONFIG])
    if path is None and Path(DEFAULT_FILE).exists():
        path = Path(DEFAULT_FILE)
    raw = _with_built_in(read_files(path) if path is not None else Raw())
    known: dict[str, Iterable[str] | None] = dict.fromkeys(filter(_is_plugin, raw.sections))
    known |= {name: tuple(model.model_fields) for name, model in SECTIONS.items()}
    read_environment(raw, environ, known)
    settings = _settings(raw)
    if raw.problems:
        raise SettingsError(*raw.problems)
    return settings


def _settings(raw: Raw) -> Settings:
    """Return what can be made of it; what cannot is added to `raw.problems`."""
    for title in raw.sections:
        if title not in SECTIONS and not _is_plugin(title):
            raw.problems.append(f"{raw.where[title]}: [{title}]: {_known_sections(title)}")
    made: dict[str, Any] = {name: _section(raw, name, model) for name, model in SECTIONS.items()}
    values = {name: section for name, section in made.items() if section is not None}
    return Settings(**values, plugin_sections=_plugin_sections(_with_profiles(raw, made["profiles"])))


def _known_sections(title: str) -> str:
    kinds = [f"{kind}:NAME" for kind in Kind]
    return f"expected one of {', '.join([*SECTIONS, *kinds])}{did_you_mean(title, SECTIONS)}"


def _section(raw: Raw, title: str, model: type[Section]) -> Section | None:
    entries = raw.sections.get(title, {})
    for key, entry in entries.items():
        if key not in model.model_fields:
            meant = did_you_mean(key, model.model_fields)
            raw.problems.append(f"{entry.where}: [{title}] {key}: expected a setting of this section{meant}")
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
                raw.put(f"{kind}:{name}", key, Entry(value, "built-in default"))
    return raw


def _with_profiles(raw: Raw, profiles: ProfilesSettings | None) -> Raw:
    """Give the folders of `[profiles]` to the sections of plugins that read profiles, where they name none."""
    for title in filter(_is_plugin, raw.sections):
        plugin = raw.sections[title].get("plugin")
        reads = plugin is not None and (title.partition(":")[0], plugin.value) in READ_PROFILES
        if profiles is not None and profiles.directories and reads and "profiles" not in raw.sections[title]:
            where = raw.sections["profiles"]["directories"].where
            raw.put(title, "profiles", Entry(":".join(profiles.directories), where))
    return raw


def _plugin_sections(raw: Raw) -> tuple[PluginSection, ...]:
    titles = sorted(filter(_is_plugin, raw.sections))
    made = (_plugin_section(raw, title) for title in titles)
    return tuple(section for section in made if section is not None)


def _plugin_section(raw: Raw, title: str) -> PluginSection | None:
    kind_name, _, name = title.partition(":")
    kind, entries = Kind(kind_name), raw.sections[title]
    if not NAME.match(name):
        raw.problems.append(f"{raw.where[title]}: [{title}]: expected a name of letters, digits, _ and -, at most 64")
    others: dict[str, Any] = {
        "kind": kind,
        "name": name,
        "options": {key: entry.value for key, entry in entries.items() if key not in PLUGIN_KEYS},
        "where": {"": raw.where[title]} | {key: entry.where for key, entry in entries.items()},
    }
    if "interval_s" not in entries:
        others["interval_s"] = DEFAULT_INTERVAL_S[kind]
    known = {key: entry for key, entry in entries.items() if key in PLUGIN_KEYS}
    section = _validate(raw, title, PluginSection, known, others)
    if isinstance(section, PluginSection) and kind is not Kind.TRANSFORM and section.interval_s < 1:
        where = section.where.get("interval_s", "")
        raw.problems.append(f"{where}: [{title}] interval_s: expected at least 1 second")
    return section if isinstance(section, PluginSection) else None


def _validate(
    raw: Raw, title: str, model: type[Section], entries: Mapping[str, Entry], others: Mapping[str, Any]
) -> Section | None:
    try:
        return model.model_validate({key: entry.value for key, entry in entries.items()} | dict(others))
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            key = str(problem["loc"][0]) if problem["loc"] else None
            text = str(problem["ctx"]["error"]) if problem["type"] == "value_error" else None
            raw.problems.append(_problem(raw, title, model, entries, key, text))
        return None


def _problem(
    raw: Raw, title: str, model: type[Section], entries: Mapping[str, Entry], key: str | None, text: str | None
) -> str:
    if key is None:
        return f"{raw.where.get(title, 'defaults')}: [{title}]: {text}"
    field: FieldInfo = model.model_fields[key]
    value, where = entries.get(key, Entry("", raw.where.get(title, "defaults")))
    wanted = text or f"expected {expected(field)}"
    shown = HIDDEN if is_secret(field) else repr(_USER_INFO.sub(f"//{HIDDEN}@", value[:_SHOWN]))
    found = "" if "\n" in wanted else f", found {shown if key in entries else 'nothing'}"
    return f"{where}: [{title}] {key}: {wanted}{found}"


def shown_option(section: PluginSection, key: str) -> str:
    """Return an option's value as it may be printed."""
    return HIDDEN if SECRET_OPTION.search(key) else section.options[key]
