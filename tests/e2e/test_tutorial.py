"""The blocks of the tutorial run as they stand, one after the other, in one shell."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from streams.playground.services import Stack

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "tutorial.md"
_BLOCK: Final = re.compile(r"^```bash\n(.*?)^```", re.DOTALL | re.MULTILINE)
WITHIN_S: Final = 240


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.mark.timeout(WITHIN_S + 60)
def test_every_block_of_the_tutorial_runs(stack: Stack, tmp_path: Path) -> None:
    blocks = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) >= 6
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        # what a reader has by himself: services that are his alone, and their ports
        "PANOPTES_STACK_STATE": str(stack.state),
        "PANOPTES_STACK_JARS": str(stack.jars),
        "PANOPTES_PANOPTES_TOPIC_PREFIX": f"tutorial-{os.getpid()}",
        "PANOPTES_WEB_BASE_PORT": "0",
        "SNMP_PORT": str(free_udp_port()),
    }
    script = "set -euo pipefail\n" + "\n".join(blocks)
    with (
        (tmp_path / "said").open("w") as out,
        subprocess.Popen(  # noqa: S603
            ["bash", "-c", script],  # noqa: S607
            cwd=tmp_path, env=environ, stdout=out, stderr=out, start_new_session=True,
        ) as shell,
    ):  # fmt: skip
        try:
            status: int | None = shell.wait(WITHIN_S)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            os.killpg(shell.pid, signal.SIGTERM)  # the workers and simulators that the tutorial leaves running
    said = (tmp_path / "said").read_text()
    assert status == 0, said[-4000:]
    assert "the configuration is good" in said
    assert "my-first-switch" in said
