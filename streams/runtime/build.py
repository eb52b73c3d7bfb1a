"""From configuration to a stage's app; what is wrong with it is said all at once, before anything starts."""

import os
import sys

from streams.pipeline import Stage
from streams.runtime.app import StageApp
from streams.runtime.settings import Settings, SettingsError, load
from streams.runtime.watch import Watch

EXIT_BAD_SETTINGS = 2


def stage_app(stage: Stage) -> StageApp:
    """Return the stage's app. Exits with status 2, naming every error, if the configuration is wrong."""
    app = StageApp(stage, load_or_exit())
    Watch(app)
    return app


def load_or_exit() -> Settings:
    """Return the settings. Exits with status 2, naming every error, if they are wrong."""
    try:
        return load(None, os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_BAD_SETTINGS) from None
