"""What workers of a pipeline run: these sources, compiled ones, or those of an earlier version."""

import re
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]


class Code(NamedTuple):
    """Sources, the interpreter that runs them, and what they do not know yet."""

    root: Path = ROOT
    python: str = sys.executable
    unknown: Collection[str] = ()  #: sections of the configuration

    def configuration(self, text: str) -> str:
        """Return a configuration without the sections that are not known."""
        sections = re.split(r"(?m)^(?=\[)", text)
        return "".join(one for one in sections if one.partition("]")[0].removeprefix("[") not in self.unknown)


OURS: Final = Code()
