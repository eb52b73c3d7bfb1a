"""The native engine: v1 and v2c over the worker's own socket."""

from pollers.snmp.channel import MachineChannel, Shared
from pollers.snmp.credentials import Community, Version
from pollers.snmp.devices import Memory
from pollers.snmp.link import Link
from pollers.snmp.machine import Machine
from pollers.snmp.message import Frame
from pollers.snmp.wire import Wire
from pollers.snmp.wire_operation import Operation

_FRAMES_MOST = 10_000


class NativeEngine:
    """Makes channels; one a worker."""

    def __init__(self, wire: Wire, shared: Shared) -> None:
        self.wire = wire
        self._shared = shared
        self._frames: dict[Community, Frame] = {}

    def frame(self, credential: Community) -> Frame:
        """Return what stands around this community's PDUs. Raises ValueError for one above 127 bytes."""
        found = self._frames.get(credential)
        if found is None:
            if len(self._frames) >= _FRAMES_MOST:
                self._frames.clear()
            version = 0 if credential.version is Version.V1 else 1
            found = self._frames[credential] = Frame(version, credential.community.reveal().encode())
        return found

    def channel(self, memory: Memory, credential: Community, link: Link) -> "NativeChannel":
        return NativeChannel(memory, self._shared, self.wire, link, self.frame(credential))


class NativeChannel(MachineChannel):
    def __init__(self, memory: Memory, shared: Shared, wire: Wire, link: Link, frame: Frame) -> None:
        super().__init__(memory, shared, bulk=frame.version > 0)
        self._frame = frame
        self._wire = wire
        self._link = link

    async def _run(self, machine: Machine, retries: int) -> None:
        self._link.page_bytes = self._memory.paging.response_bytes
        await self._wire.run(Operation(machine, self._link, self._frame, self._wire, retries))
