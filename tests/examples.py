"""How many examples hypothesis tries: all where code is looked into, a tenth where only the Python is another one."""

import os
from typing import Final

#: the part that is tried, set by `scripts/pythons`
SHARE: Final = float(os.environ.get("PANOPTES_EXAMPLES", "1"))
FEWEST: Final = 5


def examples(most: int = 100) -> int:
    """Return how many of so many examples are tried."""
    return max(FEWEST, round(most * SHARE))
