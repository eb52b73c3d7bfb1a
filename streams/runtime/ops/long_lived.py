"""Excludes long-lived objects from garbage collection, so that they are not scanned again and again.

Python's collector goes through everything that is alive whenever enough is new; with what 10,000 devices leave in
memory that took a fifth of the polling worker's time, and held up its event loop. So what has survived is set aside.
"""

import asyncio
import gc
from typing import Final

_EVERY_S: Final = 60.0
#: objects that are more than at the last look: a second's polls make tens of thousands that none of them leaves behind
_NEW_BEFORE_A_LOOK: Final = 100_000
#: among what is set aside may be what dies later: so often all of it is looked through once more
_ROUNDS_PER_FULL_LOOK: Final = 60


def set_aside(*, all_again: bool = False) -> None:
    """Collect garbage, and exclude what is alive from later collections; `all_again` includes it once more."""
    if all_again:
        gc.unfreeze()
    gc.collect()
    gc.freeze()


async def keep_setting_aside() -> None:
    """Exclude new long-lived objects every minute until cancelled, and make collections in between rare."""
    gc.set_threshold(_NEW_BEFORE_A_LOOK)
    rounds = 0
    while True:
        await asyncio.sleep(_EVERY_S)
        rounds += 1
        set_aside(all_again=rounds % _ROUNDS_PER_FULL_LOOK == 0)
