"""Asks services for `backup` and `restore`, and ends the command with a line where one is away."""

from collections.abc import Coroutine
from typing import TypeVar

import click
from redis.exceptions import RedisError

from streams.cli.loading import run_or_exit
from streams.runtime.secrets.store import describe, where
from streams.runtime.settings.loading import Settings

T = TypeVar("T")


def asked(settings: Settings, work: "Coroutine[object, object, T]") -> T:
    """Return what comes of the work."""
    try:
        return run_or_exit(work)
    except RedisError as problem:
        raise click.ClickException(f"redis at {where(settings.redis)}: {describe(problem)}") from None
