"""The engines of one worker, and which engine a device gets."""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from pollers.snmp.client import Device
from pollers.snmp.credentials import Credential
from pollers.snmp.device.channel import Channel, Shared
from pollers.snmp.device.link import DeviceLink
from pollers.snmp.device.memory import DeviceMemory
from pollers.snmp.limits import Engine, engine_for
from pollers.snmp.wire.native import NativeEngine
from pollers.snmp.wire.transport import Wire

if TYPE_CHECKING:
    from pollers.snmp.wire.pysnmp import PysnmpEngine


class WorkerEngines:
    def __init__(self, wire: Wire, shared: Shared, random_bits: Callable[[int], int]) -> None:
        self.wire = wire
        self.shared = shared
        self._native = NativeEngine(wire, shared, random_bits)
        self._pysnmp: PysnmpEngine | None = None

    def channel(self, device: Device, memory: DeviceMemory, credential: Credential, link: DeviceLink) -> Channel:
        """Return a channel over the engine that settings and credential select."""
        native = self._native.channel(memory, credential, link)
        if engine_for(memory.limits, device.site, device.device_id) is Engine.PYSNMP:
            return self._slow().channel(memory, credential, link, native)
        return native

    def _slow(self) -> "PysnmpEngine":
        """Return pysnmp's engine: 20 MB and half a second that only those pay who use it."""
        if self._pysnmp is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # pysnmp imports what pysmi has renamed
                from pollers.snmp.wire.pysnmp import PysnmpEngine  # noqa: PLC0415

            self._pysnmp = PysnmpEngine(self.shared, self.wire.permits)
        return self._pysnmp

    async def close(self) -> None:
        self.wire.close()
        if self._pysnmp is not None:
            self._pysnmp.close()
