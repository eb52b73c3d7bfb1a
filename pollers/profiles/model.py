"""The data model of a device profile: what to read, what it means and what to call it. docs/profiles.md is its
reference.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pollers.profiles.language.expr import Expression
from pollers.profiles.language.patterns import Pattern
from pollers.profiles.place import FileLine
from pollers.snmp.values import Oid

FORMAT: Final = 1
#: group interval where neither the group nor the profile nor the section says one
DEFAULT_INTERVAL_S: Final = 60


class Use(enum.StrEnum):
    """What a column is used for."""

    COUNTER = "counter"  #: only grows; becomes a rate in the gauges stage
    GAUGE = "gauge"  #: a level
    STATE = "state"  #: one of some words
    TAG = "tag"  #: a text that describes the row: a dimension
    REFERENCE = "reference"  #: only for expressions, joins and row names
    AUTO = "auto"  #: a counter where the device sends one, else a level: for profiles whose author did not say
    DISCONTINUITY = "discontinuity"  #: sysUpTime at which the row's counters began anew


class As(enum.StrEnum):
    """How the bytes or the number of a cell are interpreted."""

    AUTO = "auto"  #: numbers as they are; texts as UTF-8, or as hex where they are not text
    TEXT = "text"
    HEX = "hex"
    MAC = "mac"
    IP = "ip"
    NUMBER = "number"  #: a number written as text
    INT_BIG = "int_big_endian"
    INT_LITTLE = "int_little_endian"
    DATE = "date_and_time"  #: RFC 2579 DateAndTime as ISO 8601
    LAST_ARC = "last_arc"  #: the last number of an OID
    PRESENCE = "presence"  #: 1 where there is any value


class IndexType(enum.StrEnum):
    INTEGER = "integer"
    STRING = "string"  #: counted, unless `length` or `implied` is given
    OID = "oid"  #: counted, unless `implied`
    IP = "ip"  #: four numbers
    IPV6 = "ipv6"  #: sixteen numbers
    MAC = "mac"  #: six numbers
    INET = "inet"  #: InetAddressType and a counted InetAddress (RFC 4001)
    INET_UNCOUNTED = "inet_uncounted"  #: the same without the count, as some agents send it


class Extract(NamedTuple):
    pattern: Pattern
    template: str | None  #: e.g. "$1-$2"; without one: the first group that matched


@dataclass(frozen=True, slots=True)
class Source:
    """One OID from which a column may be read."""

    oid: Oid
    scale: float = 1.0
    width: int | None = None  #: of a counter, where the wire type misleads


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    name: str
    use: Use
    sources: tuple[Source, ...]  #: the first that answers counts, row by row
    unit: str = "1"
    enum: Mapping[str, str] = field(default_factory=dict)
    read_as: As = As.AUTO
    extract: Extract | None = None
    refresh_s: int | None = None  #: read this seldom, and remembered in between
    at: FileLine


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPart:
    name: str
    type: IndexType
    length: int | None = None
    implied: bool = False
    use: Use = Use.TAG
    enum: Mapping[str, str] = field(default_factory=dict)


class Slice(NamedTuple):
    """A range of index numbers from `start` to `end`, both included; negative ones count from the end."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    alias: str
    table: str
    on: "tuple[tuple[str, ...] | Slice, ...]"  #: names and slices, joined by dots; empty = the whole index
    to: str | None = None  #: a column of the other table; None = its index
    at: FileLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    name: str
    expression: Expression
    use: Use
    unit: str = "1"
    at: FileLine


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """A table, or (`scalar`) a set of scalars, which is a table of one row."""

    name: str
    scalar: bool = False
    columns: Mapping[str, ColumnSpec]
    index: tuple[IndexPart, ...] = ()
    row: tuple[str, ...] = ()  #: names that give the row its key, the first that is not blank
    joins: Mapping[str, Join] = field(default_factory=dict)
    when: Expression | None = None
    tags: Mapping[str, Expression] = field(default_factory=dict)
    static_tags: Mapping[str, str] = field(default_factory=dict)
    computed: Mapping[str, Computed] = field(default_factory=dict)
    line_rate: str | None = None  #: the column that says how many bits per second the row can carry
    at: FileLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    name: str
    tables: tuple[str, ...]
    first_of: bool = False  #: only the first table that has rows
    interval_s: int | None = None
    at: FileLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    sys_object_ids: tuple[str, ...] = ()  #: exact, or a prefix ending in .*
    sys_descr: Pattern | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    name: str
    description: str = ""
    match: Match | None = None  #: None = only used by its name or by `extends`
    yields: bool = False  #: only taken where no profile fits that does not yield
    interval_s: int | None = None
    static_tags: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, TableSpec] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    at: FileLine

    def interval_of(self, group: Group, otherwise_s: int) -> int:
        """Return how often a group is polled, seconds."""
        return group.interval_s or self.interval_s or otherwise_s
