"""The simulated devices of the benchmarks: where they are, and how they are told to a pipeline."""

from typing import Final

INTERFACES: Final = 48
LEARNING: Final = 3  #: polls: walks, then learnt rows, then what is seen to be needed every time

_INI: Final = """
[panoptes]
state_dir = {state}
[web]
base_port = 0
[kafka]
partitions = 8
[enrichment:facts]
plugin = device-facts
interval_s = 3600
[enrichment:interfaces]
plugin = interfaces
interval_s = 3600
[polling:snmp]
plugin = snmp
interval_s = {interval_s}
"""

_DISCOVERY: Final = """
[discovery:bench]
plugin = from-file
interval_s = 600
path = {devices}
class = network
subclass = switch
"""


def address(device: int) -> str:
    """Return simagent's address of a device."""
    return f"127.{device // 62_500}.{1 + device // 250 % 250}.{1 + device % 250}"


def agent_command(binary: object, devices: int, port: int, max_msg: int = 1472) -> list[str]:
    """Return simagent's command line; `max_msg` is its longest response in bytes."""
    sizes = ["-devices", str(devices), "-ports", str(INTERFACES), "-max-msg", str(max_msg)]
    return [str(binary), "-port", str(port), *sizes]


def device_list(count: int, port: int) -> list[dict[str, str]]:
    """Return the devices as the from-file plugin reads them."""
    return [
        {"site": "bench", "type": "sim", "id": f"sim{i:05}", "endpoint": f"{address(i)}:{port}"} for i in range(count)
    ]


def configuration(state: object, interval_s: int = 60, devices: object = None) -> str:
    """Return panoptes.ini; with the file of the device list where they are to be discovered."""
    found = _DISCOVERY.format(devices=devices) if devices is not None else ""
    return _INI.format(state=state, interval_s=interval_s) + found
