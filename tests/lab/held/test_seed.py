"""From one address the whole pipeline finds a network of real agents, and follows what happens to it."""

import os
import subprocess
import sys
from typing import Final

import pytest

from tests.lab.session import ROOT
from tests.lab.testbed.place import Place

WITHIN_S: Final = 400


@pytest.mark.slow
@pytest.mark.timeout(WITHIN_S + 60)
def test_from_one_address_everybody_is_found_joined_polled_and_followed(free_place: Place) -> None:
    command = (sys.executable, "-m", "tests.lab.check", "--name", free_place.name, "--spec", "odd", "--traffic", "0")
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=WITHIN_S, env=plain())
    assert said.returncode == 0, said.stdout + said.stderr
    for promised in ("found: 3 of 3 nodes from one address", "links: 2 of 2", "set down", "is plugged in"):
        assert promised in said.stdout, said.stdout


def plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PANOPTES_")}
