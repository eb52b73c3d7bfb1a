"""From configuration to a stage's app."""

import os

from streams.pipeline import Stage
from streams.runtime.app import StageApp
from streams.runtime.settings import load
from streams.runtime.watch import Watch


def stage_app(stage: Stage) -> StageApp:
    """Return the stage's app, made from the configuration. Raises SettingsError that names everything that is wrong."""
    app = StageApp(stage, load(None, os.environ))
    Watch(app)
    return app
