"""What the sinks are measured with: interfaces as if-mib has them, each poll of every device once per round."""

from typing import Final

from schemas.records import Gauge
from tests.unit.sinks.gauges import encode

WAYS: Final = ("in", "out")
PACKETS: Final = ("unicast_packets", "multicast_packets", "broadcast_packets", "discards", "errors")
NAMES: Final = (
    *(f"octets_{way}" for way in WAYS),
    *(f"{what}_{way}" for what in PACKETS for way in WAYS),
    *(f"utilisation_{way}" for way in WAYS),
)
UNITS: Final = {
    name: "octets/s" if "octets" in name else "percent" if "utilisation" in name else "packets/s" for name in NAMES
}
BATCH: Final = 2_000  #: records written together


def polls(devices: int, rows: int, minute: int, began_s: int = 1_700_000_040) -> list[bytes]:
    """Return one poll of every device."""
    slot = began_s + 60 * minute
    return [
        encode(gauge_of(device, row, slot, slot * 1000 + device % 1000))
        for device in range(devices)
        for row in range(rows)
    ]


def key_of(device: int) -> str:
    return f"fra1|network|switch|cisco|sw{device}.fra1.example.net"


def gauge_of(device: int, row: int, slot: int, time_ms: int) -> Gauge:
    """Return what one poll says of one interface."""
    name = f"GigabitEthernet1/0/{row}"
    return Gauge(
        site="fra1",
        resource=key_of(device),
        endpoint=f"192.0.2.{device % 250}",
        job="interfaces/cisco-ios/60",
        group="interface",
        row=name,
        interval_s=60,
        dimensions={
            "name": name,
            "description": name,
            "alias": f"to desk {row}",
            "if_index": str(10_100 + row),
            "media_type": "ethernetCsmacd",
            "physical_address": f"00:00:5e:00:53:{row:02x}",
        },
        labels={"rack": f"r{device % 40}", "role": "access"},
        units=UNITS,
        slot=slot,
        time_ms=time_ms,
        duration_s=60.02,
        gauges={name: 1.25e5 * at + row + slot % 997 / 7 for at, name in enumerate(NAMES)},
        states={"admin_state": "up", "oper_state": "down" if row % 7 == 0 else "up"},
        missing={},
        confidence={},
        counters={},
    )
