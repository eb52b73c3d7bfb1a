"""From configuration to a stage's worker, and from a worker to the app that runs it."""

import asyncio
import os

from streams.pipeline import stage
from streams.runtime.kernel.worker import Worker
from streams.runtime.ops.coalescing import CoalescingPolicy
from streams.runtime.settings.loading import load


def open_worker(name: str) -> Worker:
    """Return a worker of a stage, made from the configuration. Raises SettingsError that names all that is wrong."""
    asyncio.set_event_loop_policy(CoalescingPolicy())
    return Worker(stage(name), load(None, os.environ))
