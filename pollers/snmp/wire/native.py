"""The native engine: all SNMP versions over the worker's own sockets."""

from collections.abc import Callable
from typing import Final

from pollers.snmp.codec.message import CommunityFrame, Frame
from pollers.snmp.codec.usm import UsmFrame
from pollers.snmp.credentials import Community, Credential, UsmUser, Version
from pollers.snmp.device.channel import MachineChannel, Shared
from pollers.snmp.device.link import DeviceLink
from pollers.snmp.device.memory import DeviceMemory
from pollers.snmp.tables.machine import Machine
from pollers.snmp.wire.operation import Operation
from pollers.snmp.wire.transport import Wire

_FRAMES_MOST: Final = 10_000


class NativeEngine:
    """Creates channels; one for each worker."""

    def __init__(self, wire: Wire, shared: Shared, random_bits: Callable[[int], int]) -> None:
        self.wire = wire
        self._shared = shared
        self._random_bits = random_bits
        self._frames: dict[Community, CommunityFrame] = {}

    def _frame(self, memory: DeviceMemory, credential: Credential) -> Frame:
        if isinstance(credential, UsmUser):
            return self._usm_frame(memory, credential)
        found = self._frames.get(credential)
        if found is None:
            if len(self._frames) >= _FRAMES_MOST:
                self._frames.clear()
            version = 0 if credential.version is Version.V1 else 1
            found = self._frames[credential] = CommunityFrame(version, credential.community.octets())
        return found

    def _usm_frame(self, memory: DeviceMemory, user: UsmUser) -> UsmFrame:
        """Return the state that belongs to this device, and to no other that has the same user or engine id."""
        if not isinstance(memory.usm, UsmFrame) or memory.usm.user != user or not memory.usm.fits:
            memory.usm = UsmFrame(user, self._random_bits(64))
        return memory.usm

    def channel(self, memory: DeviceMemory, credential: Credential, link: DeviceLink) -> "NativeChannel":
        return NativeChannel(memory, self._shared, self.wire, link, self._frame(memory, credential))


class NativeChannel(MachineChannel):
    def __init__(self, memory: DeviceMemory, shared: Shared, wire: Wire, link: DeviceLink, frame: Frame) -> None:
        super().__init__(memory, shared, bulk=frame.version > 0)
        self._frame = frame
        self._wire = wire
        self._link = link

    async def _run(self, machine: Machine, retries: int) -> None:
        self._link.page_bytes = self._memory.paging.response_bytes
        await self._wire.run(Operation(machine, self._link, self._frame, self._wire, retries))
