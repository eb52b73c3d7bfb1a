"""From configuration to a stage's app."""

import asyncio
import os

from streams.pipeline import Stage
from streams.runtime.faust.app import StageApp
from streams.runtime.ops.coalescing import CoalescingPolicy
from streams.runtime.ops.watch import Watch
from streams.runtime.settings.loading import load


def stage_app(stage: Stage) -> StageApp:
    """Return the stage's app, made from the configuration. Raises SettingsError that names everything that is wrong."""
    asyncio.set_event_loop_policy(CoalescingPolicy())
    app = StageApp(stage, load(None, os.environ))
    Watch(app)
    return app
