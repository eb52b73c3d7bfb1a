"""Plugin sections: `[discovery:NAME]`, `[enrichment:NAME]`, `[polling:NAME]`, `[transform:NAME]`, `[sink:NAME]`."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, NamedTuple, Never

from pydantic import AfterValidator, Field, ValidationInfo

from pollers.plugins.base import Kind
from streams.pipeline import Topic
from streams.runtime.settings.setting import Section, WholeSeconds, Words, required, seconds, setting
from streams.scheduling.filter_fields import ENRICHED, RESOURCE, Fields
from streams.scheduling.filters import FilterError, compile_over
from streams.scheduling.row_filters import RESOURCES, ROWS

NAME: Final = re.compile(r"^[A-Za-z0-9_-]{1,64}\Z")
#: options whose value is not shown
SECRET_OPTION: Final = re.compile(r"password|passphrase|secret|token|community|api_?key|auth_key|priv_key")
DEFAULT_INTERVAL_S: Final[Mapping[Kind, int]] = {
    Kind.DISCOVERY: 60,
    Kind.ENRICHMENT: 600,
    Kind.POLLING: 60,
    Kind.TRANSFORM: 0,
    Kind.SINK: 0,
}
#: the topics that a sink may be given
SINK_TOPICS: Final = (Topic.GAUGES, Topic.POLL_STATUS, Topic.RAW_COUNTERS)


def _readable(text: str, fields: Fields[Never]) -> str:
    try:
        compile_over(text, fields)
    except FilterError as problem:
        raise ValueError(str(problem)) from problem
    return text


def _filter(text: str, info: ValidationInfo) -> str:
    return _readable(text, filtered_fields(info.data["kind"]))


def filtered_fields(kind: Kind) -> Fields[Never]:
    """Return the fields for such a section's `filter`; enrichment and polling also have those of enrichment."""
    if kind in (Kind.ENRICHMENT, Kind.POLLING):
        return ENRICHED
    return RESOURCES if kind is Kind.SINK else RESOURCE


def _rows(text: str) -> str:
    return _readable(text, ROWS)


def _topics(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or not set(names) <= set(SINK_TOPICS):
        raise ValueError(f"expected one or more of {', '.join(SINK_TOPICS)}, separated by commas")
    return tuple(dict.fromkeys(names))


def _start(text: str) -> str:
    if text not in ("now", "earliest") and not isinstance(seconds(text), int):
        raise ValueError("expected now, earliest, or how far back: 24h, 30m")
    return text


def _interval(interval_s: int, info: ValidationInfo) -> int:
    if interval_s < 1 and info.data["kind"] not in (Kind.TRANSFORM, Kind.SINK):
        raise ValueError("expected at least 1 second")
    return interval_s


def _zone(zone: str, info: ValidationInfo) -> str:
    if zone and info.data["kind"] is not Kind.DISCOVERY:
        raise ValueError("only discovery sections have one: whom the others are for is said by their filter")
    return zone


class PluginSection(Section):
    """One use of a plugin. Whatever is not listed here is an option of the plugin itself."""

    kind: Kind
    name: str
    plugin: Annotated[str, required("which plugin: the name of its entry point", min_length=1)]
    interval_s: Annotated[
        WholeSeconds,
        AfterValidator(_interval),
        required("how often it runs; transforms have none: they run with every sample", ge=0, le=86_400),
    ]
    filter: Annotated[str, AfterValidator(_filter)] = setting(
        "", "which resources it is for, e.g. resource_site = 'fra1' AND resource_type LIKE 'cisco%'; empty: all"
    )
    zone: Annotated[str, AfterValidator(_zone)] = setting(
        "", "of a discovery section: it runs in the workers of this [polling] zone, and so does what it finds"
    )
    enabled: bool = setting(True, "false switches the section off")
    options: Mapping[str, str] = Field(default_factory=dict)
    where: Mapping[str, str] = Field(default_factory=dict, repr=False)  #: key -> where it was written, for messages

    @property
    def title(self) -> str:
        """Return the section's name as it stands in the ini file."""
        return f"{self.kind}:{self.name}"

    def __repr__(self) -> str:
        return f"PluginSection([{self.title}] plugin={self.plugin!r} interval_s={self.interval_s})"

    __str__ = __repr__


class SinkSection(PluginSection):
    """A store outside Kafka, what goes there, and from when on."""

    topics: Annotated[Words, AfterValidator(_topics)] = setting(
        ("gauges",), f"what it is given: {', '.join(SINK_TOPICS)}"
    )
    rows: Annotated[str, AfterValidator(_rows)] = setting(
        "", "which rows, e.g. NOT (group = 'interface' AND row LIKE 'veth%'); empty: all"
    )
    start: Annotated[str, AfterValidator(_start)] = setting(
        "now", "where a sink begins that has not run before: now, earliest, or how far back (24h)"
    )


#: the settings of a plugin's section; every other key is an option of the plugin
PLUGIN_KEYS: Final = ("plugin", "interval_s", "filter", "zone", "enabled")
SINK_KEYS: Final = ("plugin", "topics", "filter", "rows", "start", "enabled")


def section_class(kind: Kind) -> type[PluginSection]:
    """Return the class of sections of that kind."""
    return SinkSection if kind is Kind.SINK else PluginSection


def plugin_keys(kind: Kind) -> Sequence[str]:
    """Return the settings of such a section."""
    return SINK_KEYS if kind is Kind.SINK else PLUGIN_KEYS


#: kind and plugin of those that take an option `profiles`: folders, separated by colons
READ_PROFILES: Final = frozenset(
    {
        (Kind.ENRICHMENT, "device-facts"),
        (Kind.ENRICHMENT, "interfaces"),
        (Kind.ENRICHMENT, "neighbours"),
        (Kind.POLLING, "snmp"),
    }
)


class BuiltIn(NamedTuple):
    """A section that applies while the configuration has none of its kind."""

    kind: Kind
    name: str
    keys: Mapping[str, str]


BUILT_IN: Final = (
    BuiltIn(Kind.DISCOVERY, "devices", {"plugin": "from-file", "path": "devices.yaml"}),
    BuiltIn(Kind.ENRICHMENT, "device", {"plugin": "device-facts"}),
    BuiltIn(Kind.ENRICHMENT, "interfaces", {"plugin": "interfaces"}),
    BuiltIn(Kind.ENRICHMENT, "neighbours", {"plugin": "neighbours"}),
    BuiltIn(Kind.POLLING, "interfaces", {"plugin": "snmp"}),
)
