"""Opens the configured registry: a local file, or a Confluent-compatible server."""

from typing import Protocol

from streams.runtime.registry.files import FileRegistry
from streams.runtime.registry.http import HttpRegistry
from streams.runtime.settings.loading import Settings
from streams.runtime.settings.sections import registry_directory

__all__ = ["FileRegistry", "HttpRegistry", "Registry", "open_registry"]


class Registry(Protocol):
    """A schema registry; every method tries once, raises BackendError while it is away, and caches answers."""

    async def id_for(self, subject: str, schema_text: str) -> int:
        """Return the id of the schema, registering it under the subject if it is new there.

        Raises FatalError if it is not compatible with the subject's earlier versions (BACKWARD_TRANSITIVE).
        """
        ...

    async def schema_for(self, schema_id: int) -> str:
        """Return the schema's text. Raises RecordError for an id that the registry does not know."""
        ...

    async def ids_of(self, subject: str) -> list[int]:
        """Return the ids of every version of the subject, oldest first; none for an unknown subject."""
        ...


def open_registry(settings: Settings) -> Registry:
    """Return the configured registry; sends no request yet."""
    registry = settings.registry
    if registry.url:
        return HttpRegistry(registry)
    return FileRegistry(registry_directory(settings.panoptes, registry))
