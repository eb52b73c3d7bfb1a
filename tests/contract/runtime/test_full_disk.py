"""A worker's disk is full: it says so, loses nothing, leaves nothing half, and goes on when there is room."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pollers.plugins.batch import TryAgain
from schemas.errors import BackendError
from streams.runtime.registry.files import FileRegistry
from streams.sinks.senders import agent_jsonl
from tests.unit.sinks.batches import batch, decoding
from tests.unit.sinks.gauges import gauge
from tests.unit.sinks.senders.test_receivers import context

DISK_BYTES = 256 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)  # noqa: S603
    if mounted.returncode != 0:
        pytest.skip(f"needs a file system of its own: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S603, S607


def fill(disk: Path) -> Path:
    """Fill the disk to its last byte, and return the file that does."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"x" * 4096)
            except OSError:
                return filler


async def test_schemas_are_registered_once_there_is_room(disk):
    registry = FileRegistry(disk / "registry")
    first = await registry.id_for("a-value", '"string"')
    filler = fill(disk)
    for _ in range(3):
        with pytest.raises(BackendError, match=r"cannot write .*schemas\.json: No space left on device"):
            await registry.id_for("b-value", '"long"')
    assert sorted(path.name for path in (disk / "registry").iterdir()) == ["schemas.json", "schemas.lock"]
    assert await FileRegistry(disk / "registry").id_for("a-value", '"string"') == first
    filler.unlink()
    assert await registry.id_for("b-value", '"long"') == first + 1


@pytest.mark.parametrize(("lines", "room"), [(200, 8192), (15, 0)], ids=["larger-than-a-buffer", "smaller"])
async def test_a_sink_of_files_leaves_no_half_of_a_line_and_goes_on_once_there_is_room(lines, room, disk):
    path = disk / "gauges.jsonl"
    sink = agent_jsonl.create(context(path=str(path)))
    await sink.write(batch([gauge(slot=0)], decoding()))
    filler = fill(disk)
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - room)
    many = batch([gauge(slot=slot) for slot in range(1, lines)], decoding())
    for _ in range(3):
        with pytest.raises(TryAgain, match="No space left on device"):
            await sink.write(many)
    assert [json.loads(line)["slot"] for line in path.read_text().splitlines()] == [0]
    filler.unlink()
    await sink.write(many)
    assert [json.loads(line)["slot"] for line in path.read_text().splitlines()] == list(range(lines))
