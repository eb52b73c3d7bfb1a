"""Other collectors on the same simulated devices: snmp_exporter, net-snmp's bulk walk."""

import re
import resource
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.bench.pipeline.fleet import address
from tests.bench.snmp.collect import COLUMNS, VALUES, digest
from tests.bench.snmp.watched import Figures, cpu_s, peak_bytes, running


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
        with running(command, home / "log") as process:
            checksum = sum(_scrape(n, port, http_port, summing=True) for n in range(devices)) % 2**64
            found = []
            for _ in range(rounds):
                before = cpu_s(process.pid)
                for n in range(devices):
                    _scrape(n, port, http_port, summing=False)
                found.append((cpu_s(process.pid) - before) / (devices * VALUES) * 1e6)
            peak = peak_bytes(process.pid)
    return Figures("snmp_exporter", version, devices, devices * VALUES, found, peak, {"first": checksum})


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
        total += digest(number, COLUMNS[int(name[1:])], row, int(float(value)))
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
    return Figures(
        "net-snmp snmpbulkwalk", version, devices, values, [spent / values * 1e6], peak, {"all": total % 2**64}, note
    )


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
