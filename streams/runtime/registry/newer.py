"""Refuses to start when a newer version of this software has registered its schema."""

import json
from collections.abc import Sequence

from schemas.errors import FatalError
from streams.runtime.registry.opening import Registry


async def refuse_newer(registry: Registry, subject: str, schema_text: str) -> None:
    """Raise FatalError where a schema was registered after ours: an older version would drop what newer ones write.

    Raises BackendError (try again).
    """
    texts = [await registry.schema_for(schema_id) for schema_id in await registry.ids_of(subject)]
    if is_older(schema_text, texts):
        raise FatalError(
            f"{subject}: a newer version of this software has registered its schema after ours: start that version; "
            "while an upgrade is rolled out or taken back, [registry] allow_newer = true lets this one go on"
        )


def is_older(schema_text: str, versions: Sequence[str]) -> bool:
    """Return whether ours is among the versions but not the last; compared as JSON."""
    ours = json.loads(schema_text)
    places = [nth for nth, text in enumerate(versions) if json.loads(text) == ours]
    return bool(places) and places[-1] < len(versions) - 1
