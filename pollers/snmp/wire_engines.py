"""The engines of one worker, and which device gets which."""

from pollers.snmp.channel import Channel, Shared
from pollers.snmp.client import Device
from pollers.snmp.credentials import Community, Credential
from pollers.snmp.devices import Memory
from pollers.snmp.limits import Limits
from pollers.snmp.link import Link
from pollers.snmp.wire import Wire
from pollers.snmp.wire_native import NativeEngine


class WorkerEngines:
    def __init__(self, limits: Limits, wire: Wire, shared: Shared) -> None:
        self.wire = wire
        self.shared = shared
        self._limits = limits
        self._native = NativeEngine(wire, shared)

    def channel(self, device: Device, memory: Memory, credential: Credential, link: Link) -> Channel:
        """Return a channel over the engine that settings and credential ask for."""
        if isinstance(credential, Community):
            return self._native.channel(memory, credential, link)
        raise NotImplementedError(device)

    async def close(self) -> None:
        self.wire.close()
