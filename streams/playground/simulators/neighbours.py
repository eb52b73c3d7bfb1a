"""The neighbours that a simulated device hears by LLDP and CDP."""

from typing import NamedTuple


class Neighbour(NamedTuple):
    """The far end of one link."""

    port: int  #: ifIndex of the own port
    device_id: str
    description: str  #: sysDescr
    vendor: str
    model: str
    chassis_id: bytes
    address: str  #: management address
    far_index: int  #: ifIndex of its port
    far_name: str  #: ifName
    far_description: str  #: ifDescr
