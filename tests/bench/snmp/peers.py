"""Other collectors on the same simulated devices: Telegraf, snmp_exporter, net-snmp's bulk walk."""

import contextlib
import json
import os
import re
import resource
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.snmp.collect import COLUMNS, VALUES, address, digest

TELEGRAF_VERSION: Final = "v1.37.0"
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_NUMBERS: Final = {name: position for position, name in enumerate(f"c{n}" for n in range(len(COLUMNS)))}


class Figures(NamedTuple):
    name: str
    version: str
    devices: int
    values: int  #: per round
    cpu_us_per_value: Sequence[float]  #: of each round that was measured
    peak_rss_bytes: int
    checksum: int | None  #: of one round
    note: str = ""


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def _peak_bytes(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) * 1024 if found else 0


def _settled_cpu_s(pid: int, before_s: float, least_s: float, quiet_s: float = 2.5, most_s: float = 180.0) -> float:
    """Return the CPU time once it has grown by least_s and then stood still. Raises TimeoutError."""
    ends, last, since = time.monotonic() + most_s, _cpu_s(pid), time.monotonic()
    while time.monotonic() < ends:
        time.sleep(0.1)
        now = _cpu_s(pid)
        if now - last > 0.03:
            last, since = now, time.monotonic()
        if now - before_s >= least_s and time.monotonic() - since >= quiet_s:
            return now
    raise TimeoutError("the collector did not finish a round")


@contextlib.contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)  # noqa: S603 - our own commands
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)


def build_telegraf(cache: Path) -> Path | None:
    """Return Telegraf with only the plugins needed, built once from the Go module proxy; None without Go."""
    binary = cache / f"telegraf-{TELEGRAF_VERSION}"
    go = shutil.which("go", path=os.environ.get("PATH", "") + ":/usr/local/go/bin")
    if binary.exists() or go is None:
        return binary if binary.exists() else None
    module = f"github.com/influxdata/telegraf@{TELEGRAF_VERSION}"
    found = subprocess.run([go, "mod", "download", "-json", module], capture_output=True, check=True)  # noqa: S603
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "telegraf"
        shutil.copytree(json.loads(found.stdout)["Dir"], source, copy_function=shutil.copy)
        for path in (source, *source.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
        tags = "custom,inputs.snmp,outputs.discard,outputs.file,serializers.influx"
        command = [go, "build", "-mod=mod", "-tags", tags, "-o", str(binary.resolve()), "./cmd/telegraf"]
        subprocess.run(command, cwd=source, check=True)  # noqa: S603
    return binary


def _telegraf_conf(devices: int, port: int, output: str, interval_s: int) -> str:
    agents = ", ".join(f'"udp://{address(n)}:{port}"' for n in range(devices))
    fields = "".join(
        f'    [[inputs.snmp.table.field]]\n      name = "c{n}"\n      oid = "{oid}"\n' for n, oid in enumerate(COLUMNS)
    )
    return (
        f'[agent]\n  interval = "{interval_s}s"\n  flush_interval = "5s"\n  quiet = true\n  omit_hostname = true\n'
        f'  metric_batch_size = 10000\n  metric_buffer_limit = 200000\n  snmp_translator = "gosmi"\n{output}\n'
        f'[[inputs.snmp]]\n  agents = [{agents}]\n  version = 2\n  community = "public"\n  max_repetitions = 25\n'
        f'  timeout = "10s"\n  retries = 2\n  path = []\n  [[inputs.snmp.table]]\n    name = "if"\n'
        f"    index_as_tag = true\n{fields}"
    )


def telegraf(binary: Path, devices: int, port: int, rounds: int) -> Figures:
    """Return what Telegraf takes from its second round on, metrics built and discarded."""
    with tempfile.TemporaryDirectory(prefix="telegraf-") as folder:
        home = Path(folder)
        conf = home / "telegraf.conf"
        conf.write_text(_telegraf_conf(devices, port, "[[outputs.discard]]", 30))
        least_s = devices * VALUES * 0.5e-6
        found: list[float] = []
        with _running([str(binary), "--config", str(conf)], home / "log") as process:
            before = _settled_cpu_s(process.pid, 0.0, least_s)
            for _ in range(rounds):
                after = _settled_cpu_s(process.pid, before, least_s)
                found.append((after - before) / (devices * VALUES) * 1e6)
                before = after
            peak = _peak_bytes(process.pid)
        checksum = _telegraf_checksum(binary, devices, port, home)
    values = devices * VALUES
    return Figures("Telegraf inputs.snmp", TELEGRAF_VERSION, devices, values, found, peak, checksum)


def _telegraf_checksum(binary: Path, devices: int, port: int, home: Path) -> int:
    written = home / "metrics"
    output = f'[[outputs.file]]\n  files = ["{written}"]\n  data_format = "influx"'
    conf = home / "file.conf"
    conf.write_text(_telegraf_conf(devices, port, output, 30))
    command = [str(binary), "--config", str(conf), "--once"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)  # noqa: S603
    number_of = {address(n): n for n in range(devices)}
    total = 0
    for line in written.read_text().splitlines():
        tags, fields = line.split(" ")[:2]
        pairs = dict(pair.split("=", 1) for pair in tags.split(",")[1:])
        number = number_of[re.sub(r"^udp://|:\d+$", "", pairs["agent_host"])]
        for field in fields.split(","):
            name, value = field.split("=")
            total += digest(number, COLUMNS[_NUMBERS[name]], pairs["index"], int(value.rstrip("iu")))
    return total % 2**64


def _exporter_conf() -> str:
    walk = "\n".join(f"  - {oid}" for oid in COLUMNS)
    metrics = "\n".join(
        f"  - name: c{n}\n    oid: {oid}\n    type: gauge\n    help: c{n}\n    indexes:\n"
        f"    - labelname: ifIndex\n      type: gauge"
        for n, oid in enumerate(COLUMNS)
    )
    return (
        f"bench:\n  walk:\n{walk}\n  metrics:\n{metrics}\n  version: 2\n  max_repetitions: 25\n  timeout: 10s\n"
        "  auth:\n    community: public\n"
    )


def exporter(devices: int, port: int, http_port: int, rounds: int) -> Figures | None:
    """Return what snmp_exporter takes after a first round; None where it is not installed."""
    program = shutil.which("prometheus-snmp-exporter")
    if program is None:
        return None
    out = subprocess.run([program, "--version"], capture_output=True, check=True, text=True)  # noqa: S603
    version = (out.stdout + out.stderr).splitlines()[0]
    with tempfile.TemporaryDirectory(prefix="exporter-") as folder:
        home = Path(folder)
        (home / "snmp.yml").write_text(_exporter_conf())
        command = [
            program,
            f"--config.file={home / 'snmp.yml'}",
            f"--web.listen-address=127.0.0.1:{http_port}",
            "--log.level=error",
        ]
        with _running(command, home / "log") as process:
            checksum = sum(_scrape(n, port, http_port, summing=True) for n in range(devices)) % 2**64
            found = []
            for _ in range(rounds):
                before = _cpu_s(process.pid)
                for n in range(devices):
                    _scrape(n, port, http_port, summing=False)
                found.append((_cpu_s(process.pid) - before) / (devices * VALUES) * 1e6)
            peak = _peak_bytes(process.pid)
    return Figures("snmp_exporter", version, devices, devices * VALUES, found, peak, checksum)


def _scrape(number: int, port: int, http_port: int, *, summing: bool) -> int:
    url = f"http://127.0.0.1:{http_port}/snmp?module=bench&target={address(number)}:{port}"
    for attempt in range(50):
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                text = answer.read().decode()
            break
        except OSError:
            if attempt == 49:
                raise
            time.sleep(0.1)
    if not summing:
        return 0
    total = 0
    for name, row, value in re.findall(r'^(c\d+)\{ifIndex="(\d+)"\} (\S+)$', text, re.MULTILINE):
        total += digest(number, COLUMNS[_NUMBERS[name]], row, int(float(value)))
    return total


def bulkwalk(devices: int, port: int) -> Figures | None:
    """Return what net-snmp's snmpbulkwalk takes for ifTable and ifXTable of a few devices, started once for each."""
    program = shutil.which("snmpbulkwalk")
    if program is None:
        return None
    version = subprocess.run([program, "-V"], capture_output=True, check=True, text=True).stderr.strip()  # noqa: S603
    options = ["-v2c", "-c", "public", "-Onqe", "-m", "", "-M", "", "-Cr50"]
    wanted = {column: position for position, column in enumerate(COLUMNS)}
    began, total, values = _children_s(), 0, 0
    for n in range(devices):
        for entry in ("1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"):
            command = [program, *options, f"{address(n)}:{port}", entry]
            lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()  # noqa: S603
            values += len(lines)
            for line in lines:
                name, value = line.split(" ", 1)
                column, row = name.lstrip(".").rsplit(".", 1)
                if column in wanted:
                    total += digest(n, column, row, int(value))
    spent = _children_s() - began
    note = f"{values // devices // 2:,} values for each start of the program, which is counted"
    peak = 0  # children of all kinds share one figure
    return Figures("net-snmp snmpbulkwalk", version, devices, values, [spent / values * 1e6], peak, total % 2**64, note)


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
