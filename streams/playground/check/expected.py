"""The constants that the check expects, written out here independently of the pipeline's code."""

from typing import Final

#: name in a gauge -> what the simulator counts
QUANTITIES: Final = {
    "octets_in": "in_octets",
    "octets_out": "out_octets",
    "unicast_packets_in": "in_unicast",
    "unicast_packets_out": "out_unicast",
    "multicast_packets_in": "in_multicast",
    "multicast_packets_out": "out_multicast",
    "broadcast_packets_in": "in_broadcast",
    "broadcast_packets_out": "out_broadcast",
    "discards_in": "in_discards",
    "discards_out": "out_discards",
    "errors_in": "in_errors",
    "errors_out": "out_errors",
}
#: the same for what only some profiles read
MORE_QUANTITIES: Final = {
    "errors_alignment": "alignment_errors",
    "errors_crc": "fcs_errors",
    "errors_giants": "giants",
    "errors_mac_in": "mac_in_errors",
    "errors_mac_out": "mac_out_errors",
    "errors_symbol": "symbol_errors",
    "collisions_late": "late_collisions",
    "collisions_single": "single_collisions",
    "collisions_multiple": "multiple_collisions",
}
GROUP: Final = "interface"
#: what is inside a device, and its BGP sessions: the simulator knows the rows of those devices that show them
ROW_GROUPS: Final = (
    "cpu", "memory", "temperature", "voltage", "current", "power_draw", "rotation", "power", "bgp_peer",
)  # fmt: skip
#: a level agrees within this part of the truth, since it moves while it is asked for, and one step of its last digit
LEVEL_TOLERANCE: Final = 0.02
LEVEL_STEP: Final = 1.0
#: a rate agrees within this part of the truth...
TOLERANCE: Final = 0.01
#: ...beside what a counter cannot show, because it counts whole numbers: so many counts over the stretch
COUNTS: Final = 1.0
#: a restart this near to an end of the stretch may be on either side of it
EDGE_S: Final = 0.3
#: roles of devices that never give a gauge
MUTE_ROLES: Final = ("silent", "wrong-community")
#: roles of devices that answer late by design, only when asked again, or not while they boot
SLOW_ROLES: Final = ("slow", "lossy", "reboots")
#: how long after the first gauge a start is over
WARM_UP_S: Final = 30
NO_ANSWER: Final = ("TIMEOUT", "UNREACHABLE")
SUCCESS: Final = "SUCCESS"
PARTIAL: Final = "PARTIAL"
FIRST: Final = "first-sample"
#: role -> reasons for an absent rate that it may have beside the first sample
REASONS: Final = {
    "reboots": ("reboot", "gap"),
    "clears-counters": ("discontinuity",),
    "lossy": ("gap", "row-new", "previous-missing"),
}
#: what any device may have where polls were missed or cut short
AFTER_A_DISTURBANCE: Final = ("gap", "row-new", "previous-missing", "too-soon")
WRAP: Final = 2**32
