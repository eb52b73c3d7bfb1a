"""Discovery in trouble ends where it ends without: everybody found, every link up, nothing expired."""

import os
import subprocess
import sys
from typing import Final

import pytest

from tests.lab.held.test_seed import plain
from tests.lab.session import ROOT
from tests.lab.testbed.place import Place

WITHIN_S: Final = 700


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("CHAOS") != "long", reason="takes six minutes: CHAOS=long")
@pytest.mark.timeout(WITHIN_S + 60)
def test_a_killed_worker_frozen_agents_and_lost_packets_change_nothing_in_the_end(free_place: Place) -> None:
    command = (sys.executable, "-m", "tests.lab.check", "--name", free_place.name, "--trouble")
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=WITHIN_S, env=plain())
    assert said.returncode == 0, said.stdout + said.stderr
    for promised in ("discovery killed -9", "found: 8 of 8", "links: 10 of 10", "expired: 0"):
        assert promised in said.stdout, said.stdout
