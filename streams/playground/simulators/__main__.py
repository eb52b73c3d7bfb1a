"""Runs simulated devices: `python -m streams.playground.simulators --devices 24 --port 1161 --truth-port 11611`."""

import argparse
import asyncio
import signal
import sys
import time

from streams.playground.simulators import devices, server
from streams.playground.simulators.telling import telling


async def run(arguments: argparse.Namespace, epoch_s: float, truth_port: int) -> None:
    """Serve until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    fleet = devices.fleet(arguments.devices, arguments.interfaces, events_every_s=arguments.events_every)
    if arguments.cut_after:
        fleet = devices.cut(fleet, arguments.cut_after)
    transports = await server.serve(fleet, arguments.port, epoch_s)
    ready = f"ready devices={arguments.devices} snmp_port={arguments.port} truth_port={truth_port}"
    print(ready, flush=True)
    await stop.wait()
    for transport in transports:
        transport.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m streams.playground.simulators", description=__doc__)
    parser.add_argument("--devices", type=int, default=24)
    parser.add_argument("--interfaces", type=int, default=devices.INTERFACES)
    parser.add_argument("--port", type=int, default=1161, help="UDP port of every device")
    parser.add_argument("--truth-port", type=int, default=0, help="HTTP port of the truth; 0 picks a free one")
    parser.add_argument(
        "--events-every", type=float, default=devices.EVENTS_EVERY_S, help="seconds between reboots and the like"
    )
    parser.add_argument("--cut-after", type=float, default=0.0, help="seconds until the first link is down; 0: never")
    given, epoch_s = parser.parse_args(), time.time()
    ports = (given.port, given.truth_port)
    with telling(given.devices, given.interfaces, given.events_every, ports=ports, epoch_s=epoch_s) as truth_port:
        asyncio.run(run(given, epoch_s, truth_port))
    return 0


if __name__ == "__main__":
    sys.exit(main())
