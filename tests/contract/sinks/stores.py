"""Real stores, each on a free port and in a folder of its own, gone when the test is."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import pytest

WITHIN_S: Final = 30.0


class Store(NamedTuple):
    url: str
    log: Path


def require(program: str, package: str) -> str:
    """Return the path of a program; where it is missing the test is skipped, in CI it fails, saying what to install."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is not None:
        return found
    what = f"{program} is not installed: `make setup` installs it (Debian package {package})"
    if os.environ.get("CI"):
        raise AssertionError(what)
    pytest.skip(what)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], folder: Path, ready: str) -> Iterator[Store]:
    """Yield the store once `ready` answers; `command` names its address."""
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT)  # noqa: S603 - our own
    try:
        _wait(process, ready, log)
        yield Store(ready.rpartition("/")[0], log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            if httpx.get(url, timeout=1, trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{url} did not answer: {log.read_text(errors='replace')[-2000:]}")


@contextmanager
def victoria_metrics(folder: Path, program: str = "") -> Iterator[Store]:
    program, port = program or require("victoria-metrics", "victoria-metrics"), free_port()
    command = [
        *(program, f"-storageDataPath={folder / 'data'}", f"-httpListenAddr=127.0.0.1:{port}"),
        *("-search.latencyOffset=0s", "-dedup.minScrapeInterval=1ms", "-memory.allowedBytes=256MB"),
        "-retentionPeriod=100y",
    ]
    with running(command, folder, f"http://127.0.0.1:{port}/health") as store:
        yield store


@contextmanager
def prometheus(folder: Path, configuration: str = "{}\n", program: str = "") -> Iterator[Store]:
    program, port = program or require("prometheus", "prometheus"), free_port()
    (folder / "prometheus.yml").write_text(configuration)
    command = [
        *(program, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver"),
    ]
    with running(command, folder, f"http://127.0.0.1:{port}/-/ready") as store:
        yield Store(store.url.removesuffix("/-"), store.log)


INFLUX: Final = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
"""


@contextmanager
def influxdb(folder: Path, program: str = "") -> Iterator[Store]:
    program, port, rpc = program or require("influxd", "influxdb"), free_port(), free_port()
    (folder / "influxdb.conf").write_text(INFLUX.format(folder=folder, port=port, rpc=rpc))
    command = [program, "run", "-config", str(folder / "influxdb.conf")]
    with running(command, folder, f"http://127.0.0.1:{port}/ping") as store:
        made = httpx.post(f"{store.url}/query", params={"q": "CREATE DATABASE panoptes"}, trust_env=False)
        assert made.is_success
        yield store
