"""What the model has to know of a stage: a class like this in `stages/`, and a place in its `STAGES`."""

from typing import TYPE_CHECKING, Any, NamedTuple

from streams.pipeline import Topic
from streams.runtime.kernel.records import Place

if TYPE_CHECKING:
    from tests.model.world import World


class Given(NamedTuple):
    """A record that a stage is given."""

    topic: Topic
    key: bytes
    value: bytes | None
    is_usable: bool = True  #: if not it must become a dead letter


class StageModel:
    """One stage: what it is given, and what must have come of it."""

    name: str
    #: how long until everything must have come out, once nothing is broken any more
    settle_s = 30.0

    def begin(self, world: "World") -> None:
        """Take the world that the stage lives in; `world.serdes.of` gives serdes for its records."""
        self.world = world

    def plugins(self) -> Any:
        """Return what stands in the place of the stage's `open_plugins`; None for one that has no such thing."""
        return None

    def given(self, key: int, variant: int) -> Given | None:
        """Return the next record of a key, None where the stage reads no records.

        Of variant 0 it is a tombstone, of 1 an undecodable one, of 8 one that is too large to be sent on.
        """
        return None

    def committed(self, place: Place, passed: range) -> None:
        """Look whether what a commit passes is accounted for, where that is more than the effects of records."""

    def check(self) -> None:
        """Look at everything that came out, when all is quiet."""
        raise NotImplementedError
