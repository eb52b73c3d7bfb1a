"""A log line as JSON is one line, with the message's own fields beside it."""

import json
import logging
import subprocess
import sys

import pytest

from streams.runtime.ops.json_lines import JsonFormatter


def line(message: str, *arguments: object, error: bool = False) -> dict[str, object]:
    record = logging.LogRecord("streams.x", logging.WARNING, "", 0, message, arguments, None)
    record.created, record.msecs = 1_800_000_000.25, 250.0
    if error:
        problem = ValueError("because\nof this")
        record.exc_info = (ValueError, problem, None)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    return json.loads(text)


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        pytest.param("waiting for kafka at=h:9092 problem=away", {"at": "h:9092", "problem": "away"}, id="fields"),
        pytest.param('read key="a b" n=3', {"key": "a b", "n": "3"}, id="quoted"),
        pytest.param("nothing to see", None, id="none"),
        pytest.param("x=1\ny=2", {"x": "1", "y": "2"}, id="two-lines"),
        pytest.param("https://h/?a=b", None, id="inside-a-word"),
    ],
)
def test_a_message(message, fields):
    found = line(message)
    assert found.get("fields") == fields
    assert found["message"] == message
    assert (found["time"], found["level"], found["logger"]) == ("2027-01-15T08:00:00.250Z", "warning", "streams.x")


def test_a_traceback_is_a_field():
    assert "ValueError: because\nof this" in str(line("failed", error=True)["error"])


def test_a_worker_logs_so_where_the_setting_says(tmp_path):
    command = [sys.executable, "-m", "faust", "-A", "streams.resources", "worker", "--loglevel", "info"]
    environ = {
        "PANOPTES_PANOPTES_LOG_FORMAT": "json",
        "PANOPTES_WEB_BASE_PORT": "0",
        "PATH": "/usr/bin:/bin",
        "PANOPTES_PANOPTES_STATE_DIR": str(tmp_path),
        "PANOPTES_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    }
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as worker:  # noqa: S603
        assert worker.stderr is not None
        found = next(each for each in map(json.loads, worker.stderr) if "waiting for kafka" in each["message"])
        worker.terminate()
        rest = worker.stderr.read().splitlines()
    assert found["fields"]["at"] == "127.0.0.1:1"
    assert all(json.loads(text) for text in rest)
