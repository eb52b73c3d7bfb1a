"""What is put back and what stays, in words."""

from collections.abc import Sequence
from typing import NamedTuple


class PutBack(NamedTuple):
    """What became of one part of a backup."""

    done: int = 0
    same: int = 0  #: stood there as the backup has it
    kept: Sequence[str] = ()  #: what stands there is another, and stays without --overwrite
    failed: Sequence[str] = ()

    def line(self, part: str) -> str:
        """Return it as a line."""
        said = f"{part}: {self.done} put back, {self.same} there already"
        if self.kept:
            said += f", {len(self.kept)} left as they are now (--overwrite)"
        return said + (f", {len(self.failed)} FAILED" if self.failed else "")
