"""What SNMPv3 costs: the engines on a table of a real snmpd on twenty addresses, authPriv with SHA-1 and AES-128."""

import argparse
import asyncio
import json
import sys
import time
from typing import Final

from pollers.snmp.client import Device
from pollers.snmp.limits import Engine, Limits
from pollers.snmp.wire.access import open_access
from tests.contract.snmp import agents

#: nsModuleTable: rows that stand still, some hundred of them
COLUMNS = ("1.3.6.1.4.1.8072.1.2.1.1.4", "1.3.6.1.4.1.8072.1.2.1.1.5", "1.3.6.1.4.1.8072.1.2.1.1.6")


HOSTS: Final = 20


async def measure(engine: Engine, port: int, polls: int) -> dict[str, object]:
    """Poll all addresses at once, as many times; return CPU per value of each time after the first."""
    user = next(u for u in agents.v3_users() if u.name == "sha1-aes128")
    access = open_access(Limits(engine=engine, timeout_s=10.0), agents.Fixed([user]))

    async def poll(host: int) -> int:
        async with access.open(Device("bench", f"v3-{host}", f"127.0.0.{host}:{port}"), 60.0) as session:
            table = await session.table(COLUMNS)
        return sum(len(column.data) for column in table.columns)

    values, found = 0, []
    for number in range(polls + 1):
        began = time.process_time()
        values = sum(await asyncio.gather(*(poll(host) for host in range(1, HOSTS + 1))))
        if number:
            found.append((time.process_time() - began) / values * 1e6)
    await access.close()
    return {"engine": engine, "values": values, "cpu_us_per_value": found}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--polls", type=int, default=3)
    options = parser.parse_args()
    result = asyncio.run(measure(Engine(options.engine), options.port, options.polls))
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
