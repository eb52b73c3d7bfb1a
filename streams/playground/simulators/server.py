"""Serves simulated devices on UDP sockets, one loopback address each, and the truth over HTTP."""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from streams.playground.simulators import agent, chassis, peers, truth
from streams.playground.simulators.devices import COMMUNITIES, DEFAULT_COMMUNITY
from streams.playground.simulators.levels import LevelRow
from streams.playground.simulators.mibs import mib
from streams.playground.simulators.truth import Quantity, SimulatedDevice

RECEIVE_BUFFER_BYTES: Final = 1 << 20
FRESH_S: Final = 0.005
TRIES: Final = 5


class _Endpoint(asyncio.DatagramProtocol):
    def __init__(self, device: SimulatedDevice, epoch_s: float) -> None:
        self._device = device
        self._epoch_s = epoch_s
        self._mib = mib.build(device, epoch_s)
        self._transport: asyncio.DatagramTransport | None = None
        self._requests = 0

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        device = self._device
        self._requests += 1
        lost = device.drops_every and self._requests % device.drops_every == 0
        if lost or not truth.answers(device, self._epoch_s, time.time()):
            return
        if device.delay_s:
            asyncio.get_running_loop().call_later(device.delay_s, self._answer, data, addr)
        else:
            self._answer(data, addr)

    def _answer(self, data: bytes, addr: tuple[str, int]) -> None:
        """Send values of the moment at which they leave: what a busy machine has held up is read again."""
        device = self._device
        for _ in range(TRIES):
            at_s = time.time()
            answer = agent.respond(self._mib, device.community.encode(), device.max_message_bytes, data, at_s)
            if time.time() - at_s < FRESH_S:
                break
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


async def serve(devices: list[SimulatedDevice], port: int, epoch_s: float) -> list[asyncio.DatagramTransport]:
    """Bind every device to `address:port` and return the transports. Raises OSError where an address is taken."""
    loop, transports = asyncio.get_running_loop(), []
    for device in devices:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        try:
            sock.bind((device.address, port))
        except OSError:
            sock.close()
            raise
        made = await loop.create_datagram_endpoint(lambda d=device: _Endpoint(d, epoch_s), sock=sock)  # type: ignore[misc]
        transports.append(made[0])
    return transports


def description(devices: list[SimulatedDevice], port: int, epoch_s: float) -> dict[str, object]:
    """Return the fleet as JSON types for a pipeline and a checker; without rates."""
    return {
        "epoch_s": epoch_s,
        "port": port,
        "communities": {"default": DEFAULT_COMMUNITY, **COMMUNITIES},
        "devices": [
            {
                "id": d.device_id,
                "site": d.site,
                "endpoint": f"{d.address}:{port}",
                "community": d.community,
                "vendor": d.vendor,
                "model": d.model,
                "role": d.role,
                "counters_64": d.counters_64,
                "reboots_every_s": d.reboots_every_s,
                "interfaces": [
                    {
                        "name": i.name,
                        "index": i.index,
                        "alias": i.alias,
                        "speed_bits_per_s": i.speed_bits_per_s,
                        "mtu": i.mtu,
                        "admin_up": i.admin_up,
                        "oper_up": i.oper_up,
                    }
                    for i in d.interfaces
                ],
                "rows": [list(row) for row in sorted(rows(d, 0.0, 1.0))],
            }
            for d in devices
        ],
    }


def judge(devices: dict[str, SimulatedDevice], epoch_s: float, question: Sequence[str | float]) -> dict[str, object]:
    """Return the truth about `[device id, ifName, from_ms, to_ms]`.

    `rates`: quantity -> mean rate per second, or None where counting restarted; `restarts`: when, Unix seconds;
    `before`, `after`: quantity -> the whole count at both ends, before any wrapping. Raises KeyError, ValueError.
    """
    device_id, name, from_ms, to_ms = question
    device = devices[str(device_id)]
    interface, from_s, to_s = device.interface(str(name)), float(from_ms) / 1000, float(to_ms) / 1000
    return {
        "rates": {q: truth.mean_rate(device, interface, q, epoch_s, from_s, to_s) for q in Quantity},
        "restarts": truth.restarts(device, interface, epoch_s, from_s, to_s),
        "before": {q: truth.count(device, interface, q, epoch_s, from_s) for q in Quantity},
        "after": {q: truth.count(device, interface, q, epoch_s, to_s) for q in Quantity},
    }


def rows(device: SimulatedDevice, from_s: float, to_s: float) -> dict[tuple[str, str], LevelRow]:
    """Return (group, row) -> the truth of everything but interfaces; times are seconds since the epoch."""
    inside = chassis.rows(device.chassis, to_s) if device.chassis is not None else {}
    return {**inside, **peers.rows(device.peers, from_s, to_s)}


def judge_row(
    devices: dict[str, SimulatedDevice], epoch_s: float, question: Sequence[str | float]
) -> dict[str, object]:
    """Return the truth about `[device id, group, row, from_ms, to_ms]`: levels at the end, mean rates, states.

    Raises KeyError.
    """
    device_id, group, row, from_ms, to_ms = question
    from_s, to_s = (float(at_ms) / 1000 - epoch_s for at_ms in (from_ms, to_ms))
    return rows(devices[str(device_id)], from_s, to_s)[str(group), str(row)]._asdict()


@contextlib.contextmanager
def truth_server(devices: list[SimulatedDevice], snmp_port: int, truth_port: int, epoch_s: float) -> Iterator[int]:
    """Serve `GET /fleet`, `POST /rates` and `POST /rows` (lists of questions) on loopback; gives the port.

    Port 0 picks a free one.
    """
    by_id = {device.device_id: device for device in devices}
    fleet = json.dumps(description(devices, snmp_port, epoch_s)).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, fleet) if self.path == "/fleet" else self._send(404, b"{}")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            one = {"/rates": judge, "/rows": judge_row}.get(self.path)
            if one is None:
                self._send(404, b"{}")
                return
            try:
                answers = [one(by_id, epoch_s, question) for question in json.loads(body)]
            except (KeyError, ValueError) as error:
                self._send(400, json.dumps({"error": repr(error)}).encode())
                return
            self._send(200, json.dumps(answers).encode())

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", truth_port), Handler)
    thread = threading.Thread(target=server.serve_forever, name="truth", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
