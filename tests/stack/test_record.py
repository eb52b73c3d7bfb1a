"""stack.json tells what runs where, and a damaged one is refused in words."""

import json
import socket
from pathlib import Path

import pytest

from streams.playground.services import record
from streams.playground.services.local import Stack
from streams.playground.services.problems import StackProblem
from streams.playground.services.process import Born


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    written = record.StackRecord(ports={"redis": 16379}, running={"redis": Born(42, "4711")})
    written.save(path, {"redis": "redis://127.0.0.1:16379/0"}, {"redis": "/x/redis.log"})
    assert record.load(path) == written
    assert json.loads(path.read_text())["urls"] == {"redis": "redis://127.0.0.1:16379/0"}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("[]", id="not-an-object"),
        pytest.param('{"ports": {}, "pids": {"redis": 1}, "births": {}}', id="pid-without-birth"),
        pytest.param('{"ports": {"redis": "x"}, "pids": {}, "births": {}}', id="port-not-a-number"),
    ],
)
def test_a_damaged_record_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "stack.json").write_text(content)
    with pytest.raises(StackProblem, match="damaged"):
        Stack(tmp_path)


def test_free_ports_differ_are_free_and_are_below_the_kernels_own_range() -> None:
    ports = record.free_ports(f"p{number}" for number in range(50))
    assert len(set(ports.values())) == 50
    assert all(port in record.FREE_PORTS and record.is_free(port) for port in ports.values())


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not record.is_free(server.getsockname()[1])


def test_a_pid_of_an_earlier_boot_is_not_taken_for_a_running_service(tmp_path: Path) -> None:
    written = record.StackRecord(running={"redis": Born(1, "4711")})
    written.save(tmp_path / "stack.json", {}, {})
    stack = Stack(tmp_path)
    assert stack.service("redis").pid is None
    assert stack.down() == []
