"""`stack.json`: the running services, for people, tests and other programs. Ports stay when a service is stopped."""

import json
import os
import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from streams.playground.services.problems import StackProblem
from streams.playground.services.process import Born

#: below the range that the kernel takes for outgoing connections (32768 and up on Linux): nobody takes the port of a
#: service that is down for a while
FREE_PORTS: Final = range(20_000, 32_000)
FREE_PORT_TRIES: Final = 500


@dataclass(slots=True)
class StackRecord:
    """The content of `stack.json`."""

    ports: dict[str, int] = field(default_factory=dict)  #: name of the port -> number
    running: dict[str, Born] = field(default_factory=dict)  #: service -> its process, as far as it was started

    def save(self, path: Path, addresses: dict[str, str], logs: dict[str, str]) -> None:
        """Write the file atomically."""
        content = {
            "ports": self.ports,
            "pids": {name: born.pid for name, born in self.running.items()},
            "births": {name: born.birth for name, born in self.running.items()},
            "urls": addresses,
            "logs": logs,
        }
        fresh = path.with_suffix(".json.new")
        fresh.write_text(json.dumps(content, indent=2) + "\n")
        fresh.replace(path)


def load(path: Path) -> StackRecord:
    """Read the file; an empty record when there is none. Raises StackProblem."""
    try:
        content = json.loads(path.read_text())
        births = content["births"]
        running = {name: Born(int(pid), str(births[name])) for name, pid in content["pids"].items()}
        return StackRecord(ports={name: int(port) for name, port in content["ports"].items()}, running=running)
    except FileNotFoundError:
        return StackRecord()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StackProblem(f"{path} is damaged ({error!r}): stop what still runs, then remove the file") from error


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """Return a free port for each name. Raises StackProblem."""
    dice = random.Random(os.urandom(8))  # noqa: S311 (no secret)
    found: dict[str, int] = {}
    for name in names:
        for _ in range(FREE_PORT_TRIES):
            port = dice.choice(FREE_PORTS)
            if port not in found.values() and is_free(port):
                found[name] = port
                break
        else:
            raise StackProblem(f"no free port in {FREE_PORTS.start}-{FREE_PORTS.stop - 1} for {name}")
    return found


def is_free(port: int) -> bool:
    """Return whether the port of the loopback address is free."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
