"""A key ring in a file, with one key."""

from pathlib import Path

import pytest

from streams.runtime.secrets.key_ring import KeyRing, add_key


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "keys"
    add_key(made, "one")
    return made


@pytest.fixture
def ring(path: Path) -> KeyRing:
    return KeyRing.read(str(path))
