"""Sections for resources that a filter selects: `[snmp:NAME]`, `[class:NAME]`."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator

from streams.runtime.settings.sections import SnmpSettings
from streams.runtime.settings.setting import Section, setting
from streams.scheduling.filter_fields import ENRICHED
from streams.scheduling.filters import FilterError, compile_over, field_values

_PART: Final = r"^[^|]*$"


def _readable(text: str) -> str:
    try:
        compile_over(text, ENRICHED)
    except FilterError as problem:
        raise ValueError(str(problem)) from problem
    return text


def _field(text: str) -> str:
    try:
        if text:
            field_values(text, ENRICHED)
    except FilterError as problem:
        raise ValueError(str(problem)) from problem
    return text


Filter = Annotated[str, AfterValidator(_readable)]


class SnmpSection(SnmpSettings):
    """SNMP limits for the devices that a filter selects.

    The first section that fits holds, by name; what it does not say is as in `[snmp]`.
    """

    keys: ClassVar[Sequence[str]] = (
        "filter", "timeout_s", "retries", "backoff", "jitter", "device_outstanding", "device_gap_ms", "response_bytes",
        "response_bytes_max", "rows_max", "row_set_age_s", "any_source", "probe_first_s", "probe_max_s", "engine",
    )  # fmt: skip

    name: str = ""
    filter: Filter = setting("", "which devices, e.g. facts.sys_descr LIKE '%15.2%'", min_length=1)


class ClassSection(Section):
    """Class, subclass and type of new devices that `sweep` or `crawl` finds.

    The first section whose filter fits holds, by name; what it leaves empty is as the discovery section says.
    """

    keys: ClassVar[Sequence[str]] = ("filter", "resource_class", "resource_subclass", "resource_type", "resource_id")

    name: str = ""
    filter: Filter = setting("", "which devices, e.g. facts.sys_object_id LIKE '1.3.6.1.4.1.9.%'", min_length=1)
    resource_class: str = setting("", "its class", pattern=_PART)
    resource_subclass: str = setting("", "its subclass", pattern=_PART)
    resource_type: str = setting("", "its type", pattern=_PART)
    resource_id: Annotated[str, AfterValidator(_field)] = setting(
        "", "the field that it is called by, e.g. resource_endpoint; where that is empty: as without"
    )


RULES: Final[dict[str, type[SnmpSection] | type[ClassSection]]] = {"snmp": SnmpSection, "class": ClassSection}
