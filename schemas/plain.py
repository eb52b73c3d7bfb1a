"""What JSON and YAML documents are made of, for who writes them; what is read is an `object` until it is looked at."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
