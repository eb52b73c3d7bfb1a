"""What a lab needs of the machine."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

#: program -> Debian's package
PROGRAMS: Final = {
    "ip": "iproute2",
    "snmpd": "snmpd", "snmpbulkwalk": "snmp", "lldpd": "lldpd", "lldpcli": "lldpd", "iperf3": "iperf3",
    "ethtool": "ethtool", "vtysh": "frr", "setsid": "util-linux",
}  # fmt: skip
FRR: Final = Path("/usr/lib/frr/bgpd")
FRR_SNMP: Final = "*/frr/modules/bgpd_snmp.so"  #: as scripts/setup looks for it
PATH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


@cache
def why_not() -> str | None:
    """Return why no lab can be built here, for people; None where it can."""
    if os.geteuid() != 0:
        return "the lab needs root, to make network namespaces"
    packages = {package for program, package in PROGRAMS.items() if shutil.which(program, path=PATH) is None}
    if not FRR.exists():
        packages.add("frr")
    if not any(Path("/usr/lib").glob(FRR_SNMP)):
        packages.add("frr-snmp")
    if packages:
        return f"the lab needs more programs: apt-get install --no-install-recommends {' '.join(sorted(packages))}"
    made = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True, check=False)
    return None if made.returncode == 0 else f"the lab needs the right to make namespaces: {made.stderr.strip()}"
