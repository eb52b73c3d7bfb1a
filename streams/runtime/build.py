"""Builds a stage's worker from the configuration, and the app that runs it."""

import os
from collections.abc import Callable

from streams.pipeline import stage
from streams.runtime.kernel.worker import Worker
from streams.runtime.settings.loading import Settings, load


def open_worker(name: str, part: Callable[[Settings], str] = lambda _settings: "") -> Worker:
    """Create a stage's worker from the configuration; `part` selects one of the stage's groups.

    Raises SettingsError that names all that is wrong.
    """
    settings = load(None, os.environ)
    return Worker(stage(name), settings, part(settings))
