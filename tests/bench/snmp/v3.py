"""What SNMPv3 costs: the engines on a table of a real snmpd, authPriv with SHA-1 and AES-128."""

import argparse
import asyncio
import json
import sys
import time

from pollers.snmp.access import open_access
from pollers.snmp.client import Device
from pollers.snmp.limits import Engine, Limits
from tests.contract.snmp import agents

#: nsModuleTable: rows that stand still, some hundred of them
COLUMNS = ("1.3.6.1.4.1.8072.1.2.1.1.4", "1.3.6.1.4.1.8072.1.2.1.1.5", "1.3.6.1.4.1.8072.1.2.1.1.6")


async def measure(engine: Engine, port: int, polls: int) -> dict[str, object]:
    user = next(u for u in agents.v3_users() if u.name == "sha1-aes128")
    access = open_access(Limits(engine=engine), agents.Fixed([user]))
    device = Device("bench", "v3", f"127.0.0.1:{port}")
    values, found = 0, []
    for number in range(polls + 1):
        began = time.process_time()
        async with access.open(device, 60.0) as session:
            table = await session.table(COLUMNS)
        values = sum(len(column.data) for column in table.columns)
        if number:
            found.append((time.process_time() - began) / values * 1e6)
    await access.close()
    return {"engine": engine, "values": values, "cpu_us_per_value": found}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--polls", type=int, default=20)
    options = parser.parse_args()
    result = asyncio.run(measure(Engine(options.engine), options.port, options.polls))
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
