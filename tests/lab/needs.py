"""What a lab needs of the machine."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from tests.lab.testbed import system

#: program -> Debian's package
PROGRAMS: Final = {
    "ethtool": "ethtool",
    "ip": "iproute2",
    "iperf3": "iperf3",
    "lldpcli": "lldpd",
    "lldpd": "lldpd",
    "ping": "iputils-ping",
    "setsid": "util-linux",
    "snmpbulkwalk": "snmp",
    "snmpd": "snmpd",
    "sysctl": "procps",
    "vtysh": "frr",
}
FRR: Final = Path("/usr/lib/frr/bgpd")
FRR_SNMP: Final = "*/frr/modules/bgpd_snmp.so"  #: as scripts/setup looks for it


@cache
def why_not() -> str | None:
    """Return why no lab can be built here, for people; None where it can."""
    if os.geteuid() != 0:
        return "the lab needs root, to make network namespaces"
    packages = {package for program, package in PROGRAMS.items() if shutil.which(program, path=system.PATH) is None}
    if not FRR.exists():
        packages.add("frr")
    if not any(Path("/usr/lib").glob(FRR_SNMP)):
        packages.add("frr-snmp")
    if packages:
        return f"the lab needs more programs: apt-get install --no-install-recommends {' '.join(sorted(packages))}"
    made = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True, check=False)
    return None if made.returncode == 0 else f"the lab needs the right to make namespaces: {made.stderr.strip()}"
