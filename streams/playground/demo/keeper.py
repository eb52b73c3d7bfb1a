"""Ends the demo's processes and services when the demo ends, even by SIGKILL."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.playground.demo.children import Children
from streams.playground.services.keeper import beside, wait_for_the_end
from streams.playground.services.local import Stack


@contextmanager
def kept(logs: Path, stack: Path) -> Iterator[None]:
    """End what is recorded in `logs`, and the stack of that folder, at the end of the block or of this process.

    Raises StackProblem when the keeper cannot be started.
    """
    with beside("streams.playground.demo.keeper", str(logs), str(stack), log=logs / "keeper.log"):
        yield


def main(logs: Path, stack: Path) -> None:
    """Wait for the end of standard input, then end what is left."""
    wait_for_the_end()
    Children(logs, {}, logs).end_leftovers()
    Stack(stack).down()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
