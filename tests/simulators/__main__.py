"""Run the simulated devices: `python -m tests.simulators --devices 24 --port 1161 --truth-port 11611`."""

import argparse
import asyncio
import signal
import sys
import time

from tests.simulators import devices, server


async def run(arguments: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM."""
    fleet = devices.fleet(arguments.devices, arguments.interfaces, events_every_s=arguments.events_every)
    stop, epoch_s = asyncio.Event(), time.time()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    transports = await server.serve(fleet, arguments.port, epoch_s)
    with server.truth_server(fleet, arguments.port, arguments.truth_port, epoch_s) as truth_port:
        print(f"ready devices={len(fleet)} snmp_port={arguments.port} truth_port={truth_port}", flush=True)  # noqa: T201
        await stop.wait()
    for transport in transports:
        transport.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulators", description=__doc__)
    parser.add_argument("--devices", type=int, default=24)
    parser.add_argument("--interfaces", type=int, default=devices.INTERFACES)
    parser.add_argument("--port", type=int, default=1161, help="UDP port of every device")
    parser.add_argument("--truth-port", type=int, default=0, help="HTTP port of the truth; 0 picks a free one")
    parser.add_argument(
        "--events-every", type=float, default=devices.EVENTS_EVERY_S, help="seconds between reboots and the like"
    )
    asyncio.run(run(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
