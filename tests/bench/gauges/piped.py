"""A gauges worker for a benchmark: on a Kafka of its own, or on a stack that is up already."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from streams.playground.services import Stack
from streams.playground.services.keeper import kept
from tests.stages.gauges.pipe import ROOT, Pipe


@contextmanager
def piped(name: str, state: Path | None) -> Iterator[Pipe]:
    """Start a worker on topics of its own, called after the benchmark; `state` is the folder of a stack that is up."""
    with ExitStack() as closing:
        if state is None:
            state = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix=f"bench-{name}-")))
            stack = closing.enter_context(kept(Stack(state, free_ports=True, jars=ROOT / ".state" / "jars")))
            stack.up(["kafka"])
        else:
            stack = Stack(state)
        prefix = f"{name}{int(time.time())}"
        bootstrap = stack.environment()["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"]
        yield closing.enter_context(Pipe(bootstrap, prefix, state / prefix))
