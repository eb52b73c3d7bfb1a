"""What agents need of a Faust stream."""

from types import SimpleNamespace
from typing import Any


class EachByItself:
    """A stream whose events come one at a time; those are its `events()`."""

    channel = SimpleNamespace(empty=lambda: True)

    def noack(self) -> Any:
        return self
