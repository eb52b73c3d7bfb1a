"""Declares settings: a default, a type with its parser, a description, and when a change takes effect.

And what settings of one section have to keep to among themselves.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, NamedTuple, Self, TypeAlias, TypedDict, TypeVar, Unpack

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    model_validator,
)

from pollers.snmp.credentials import HIDDEN, Secret

_DURATION: Final = re.compile(r"^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$")
T = TypeVar("T")

_UNIT_S: Final[Mapping[str, float]] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class Rule(NamedTuple):
    """A constraint between several settings of one section."""

    keys: tuple[str, ...]  #: the settings that it looks at
    holds: bool
    expected: str  #: "expected ...", for people


class DoNotFit(ValueError):
    """Settings of one section contradict each other; names every broken rule."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        super().__init__("; ".join(rule.expected for rule in rules))
        self.rules: Final = rules


class Section(BaseModel):
    """A section of the configuration; its docstring is the section's text in docs/configuration.md."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    def rules(self) -> Sequence[Rule]:
        """Return the constraints between the section's settings, and whether they hold."""
        return ()

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> Self:
        """Raise DoNotFit; a context names the keys that are wrong anyway: their defaults would break rules falsely."""
        wrong = info.context or ()
        broken = [rule for rule in self.rules() if not set(rule.keys).intersection(wrong) and not rule.holds]
        if broken:
            raise DoNotFit(broken)
        return self


class Bounds(TypedDict, total=False):
    """The bounds of a setting's value, in pydantic's words."""

    ge: float
    gt: float
    le: float
    lt: float
    min_length: int
    pattern: str


def setting(default: T, description: str, *, hot: bool = False, **bounds: Unpack[Bounds]) -> T:
    """Return a pydantic Field: its default, what it does (a line for people), and its bounds (ge, gt, le, lt).

    `hot` says that a change takes effect in running workers; otherwise they are restarted.
    """
    field: T = Field(default, description=description, json_schema_extra={"hot": hot}, **bounds)
    return field


def required(description: str, **bounds: Unpack[Bounds]) -> object:
    """Return a pydantic Field as `setting` does, without a default; for use in Annotated."""
    field: object = Field(description=description, json_schema_extra={"hot": False}, **bounds)
    return field


def seconds(value: object) -> object:
    """Parse `5m`, `30s`, `500ms`, `1h`, `7d` or `60` as seconds; anything else is left for pydantic."""
    match = _DURATION.match(value.strip()) if isinstance(value, str) else None
    if match is None:
        return value
    number = float(match[1]) * _UNIT_S[match[2] or "s"]
    return int(number) if number.is_integer() else number


def words(value: object) -> object:
    """Parse a comma-separated text to a tuple, without blanks."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def secret(value: object) -> Secret:
    """Wrap a text as a Secret. Raises ValueError for anything else."""
    if isinstance(value, Secret):
        return value
    if isinstance(value, str):
        return Secret(value)
    raise ValueError("expected a text")


Seconds: TypeAlias = Annotated[float, BeforeValidator(seconds)]
WholeSeconds: TypeAlias = Annotated[int, BeforeValidator(seconds)]
Words: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(words)]
SecretText: TypeAlias = Annotated[Secret, PlainValidator(secret), PlainSerializer(str)]


def shown(value: object) -> str:
    """Format a setting's value for an ini file; secrets that are set are hidden."""
    match value:
        case Secret():
            return HIDDEN if value else ""
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.15g}"
        case tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)
