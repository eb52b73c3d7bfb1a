"""The engines of one worker, and which device gets which."""

from collections.abc import Callable

from pollers.snmp.channel import Channel, Shared
from pollers.snmp.client import Device
from pollers.snmp.credentials import Credential
from pollers.snmp.devices import Memory
from pollers.snmp.limits import Engine, Limits, engine_for
from pollers.snmp.link import Link
from pollers.snmp.wire import Wire
from pollers.snmp.wire_gufo import GufoEngine, lacks
from pollers.snmp.wire_native import NativeEngine
from pollers.snmp.wire_pysnmp import PysnmpEngine


class WorkerEngines:
    def __init__(self, limits: Limits, wire: Wire, shared: Shared, random_bits: Callable[[int], int]) -> None:
        self.wire = wire
        self.shared = shared
        self._limits = limits
        self._native = NativeEngine(wire, shared, random_bits)
        self._gufo = GufoEngine(shared)
        self._pysnmp = PysnmpEngine(shared)

    def channel(self, device: Device, memory: Memory, credential: Credential, link: Link) -> Channel:
        """Return a channel over the engine that settings and credential ask for."""
        native = self._native.channel(memory, credential, link)
        engine = engine_for(self._limits, device.site, device.device_id)
        if engine == Engine.PYSNMP:
            return self._pysnmp.channel(memory, credential, link, native)
        if engine == Engine.GUFO and not lacks(credential):
            return self._gufo.channel(memory, credential, link, native)
        return native

    async def close(self) -> None:
        self.wire.close()
        self._pysnmp.close()
