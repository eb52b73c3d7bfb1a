"""Facts of the enrichment `device` that other code reads too."""

from collections.abc import Mapping
from typing import Final

from schemas.records import Enrichment

#: namespace of enrichment that says what the device is
DEVICE: Final = "device"
#: its fact that names the standard MIBs that the device has
STANDARD_MIBS: Final = "standard_mibs"
#: its fact that is there where only a generic profile fits, or none
NO_VENDORS_PROFILE: Final = "no_vendors_profile"


def without_vendors_profile(enrichments: Mapping[str, Enrichment]) -> str | None:
    """Return the sysObjectID of a device without a vendor's profile (`none` where it has none), else None."""
    device = enrichments.get(DEVICE)
    if device is None or NO_VENDORS_PROFILE not in device.facts:
        return None
    return device.facts.get("sys_object_id", "none")
