"""`panoptes dead-letters`: lists records that could not be processed, with reasons, and replays them."""

import json
import re
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import click

from schemas.records import DeadLetter
from streams.cli.loading import config_option, load_or_exit, log_briefly, run_or_exit
from streams.cli.moments import WhenType
from streams.pipeline import Topic
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.outbox import Outbox
from streams.runtime.kafka.replay import replay
from streams.runtime.kafka.topic_names import topic_name
from streams.runtime.kernel.worker import MAX_RECORD_BYTES
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import Settings

T = TypeVar("T")

SHOWN: Final = 50
_ID: Final = re.compile(r"^(\d+):(\d+)$")


class Letter(NamedTuple):
    """A dead letter and its position in the dead-letters topic."""

    partition: int
    offset: int
    letter: DeadLetter

    @property
    def name(self) -> str:
        return f"{self.partition}:{self.offset}"


_stage = click.option("--stage", default="", help="Only those of that stage.")
_topic = click.option("--topic", default="", help="Only those whose record stood in that topic.")
_since = click.option("--since", type=WhenType(), default="24h", show_default=True, help="2h, a time, Unix seconds.")


@click.group("dead-letters")
def command() -> None:
    """Show records that could not be processed, and replay them."""
    log_briefly()


@command.command("list")
@_stage
@_topic
@_since
@click.option("--limit", default=SHOWN, show_default=True, type=click.IntRange(1), help="How many, the newest ones.")
@config_option
def list_letters(stage: str, topic: str, since: int, limit: int, config: Path | None) -> None:
    """List dead letters, one a line: name, time, stage, origin, reason."""
    settings = load_or_exit(config)
    newest: deque[Letter] = deque(maxlen=limit)

    async def read() -> int:
        count = 0
        async for one in _letters(settings, since):
            if _fits(one.letter, stage, topic):
                count += 1
                newest.append(one)
        return count

    count = run_or_exit(read())
    for one in sorted(newest, key=lambda each: each.letter.at_ms):
        letter = one.letter
        origin = f"{letter.topic}[{letter.partition}]@{letter.offset}"
        click.echo(f"{one.name}  {_when(letter)}  {letter.stage}  {origin}  {letter.error}: {letter.reason[:160]}")
    click.echo(f"{count} dead letters, {len(newest)} shown")


@command.command()
@click.argument("name")
@config_option
def show(name: str, config: Path | None) -> None:
    """Show one dead letter as JSON; NAME is its name in `list`. Bytes are in hexadecimal."""
    one = _found(load_or_exit(config), name)
    letter = one.letter
    fields = {field: getattr(letter, field) for field in DeadLetter.__dataclass_fields__}
    shown = {field: value.hex() if isinstance(value, bytes) else value for field, value in fields.items()}
    click.echo(json.dumps({"name": one.name, "at": _when(letter), **shown}, indent=2))


@command.command("replay")
@click.argument("names", nargs=-1)
@_stage
@_topic
@_since
@config_option
def replay_letters(names: tuple[str, ...], stage: str, topic: str, since: int, config: Path | None) -> None:
    """Append records to their original topic again: those of NAMES, or all that match the options.

    Every stage that reads the topic gets them again. A letter without its record, such as that of a series that a store
    refused, is passed over.
    """
    if not names and not (stage or topic):
        raise click.UsageError("expected NAMES, or --stage or --topic")
    settings = load_or_exit(config)

    async def work() -> tuple[int, int]:
        chosen = [
            one.letter
            async for one in _letters(settings, 0 if names else since)
            if (one.name in names if names else _fits(one.letter, stage, topic))
        ]
        good = [letter for letter in chosen if letter.value is not None]
        outbox = Outbox(
            client_options(settings.kafka), partitions=settings.kafka.partitions, max_request_bytes=MAX_RECORD_BYTES
        )
        await outbox.start()
        try:
            for letter in good:
                await outbox.send(letter.topic, letter.key, letter.value)
        finally:
            await outbox.stop()
        return len(good), len(chosen) - len(good)

    sent, without = run_or_exit(work())
    click.echo(f"{sent} records were handed on, {without} letters have none")


def _found(settings: Settings, name: str) -> Letter:
    if not _ID.match(name):
        raise click.BadParameter(f"{name!r}: expected a name like 3:17, as `list` shows it")

    async def read() -> Letter | None:
        partition = int(name.partition(":")[0])
        async for one in _letters(settings, 0, only=(partition,)):
            if one.name == name:
                return one
        return None

    found = run_or_exit(read())
    if found is None:
        raise click.ClickException(f"there is no dead letter {name}")
    return found


async def _letters(settings: Settings, since_s: int, only: tuple[int, ...] | None = None) -> AsyncIterator[Letter]:
    serde = Serdes(settings, open_registry(settings)).of(Topic.DEAD_LETTERS, DeadLetter)
    topic = topic_name(settings, Topic.DEAD_LETTERS)
    async for record in replay(client_options(settings.kafka), topic, since_ms=since_s * 1000 or None, only=only):
        if record.value is not None:
            yield Letter(record.partition, record.offset, await serde.read(record.value))


def _fits(letter: DeadLetter, stage: str, topic: str) -> bool:
    return stage in ("", letter.stage) and (not topic or letter.topic.endswith(topic))


def _when(letter: DeadLetter) -> str:
    return datetime.fromtimestamp(letter.at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
