"""Real agents for the contract tests: net-snmp's snmpd, snmpsim on recordings, and simagent, each on a free port."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from pollers.snmp.credentials import AuthProtocol, Community, Credential, PrivProtocol, Secret, UsmUser, Version

ROOT = Path(__file__).resolve().parents[3]
PASSPHRASE = "correct horse"  # noqa: S105 - of agents that live for one test
PRIV_PASSPHRASE = "battery staple"  # noqa: S105
V2C = Community(community=Secret("public"))
V1 = Community(community=Secret("public"), version=Version.V1)
_SNMPD_AUTH = {
    AuthProtocol.MD5: "MD5",
    AuthProtocol.SHA1: "SHA",
    AuthProtocol.SHA224: "SHA-224",
    AuthProtocol.SHA256: "SHA-256",
    AuthProtocol.SHA384: "SHA-384",
    AuthProtocol.SHA512: "SHA-512",
}
#: what Debian's snmpd is built with; the longer AES keys are checked against pysnmp's own agent
_SNMPD_PRIV = {PrivProtocol.DES: "DES", PrivProtocol.AES128: "AES"}


def missing(what: str, package: str) -> str:
    return f"{what} is not installed: `make setup` installs it (Debian package {package})"


def require(program: str, package: str) -> str:
    """Return the path of a program; where it is missing the test is skipped, in CI it fails, saying what to install."""
    for folder in (None, "/usr/sbin:/sbin:/usr/local/sbin:/usr/local/go/bin"):
        if found := shutil.which(program, path=folder):
            return found
    if os.environ.get("CI"):
        raise AssertionError(missing(program, package))
    pytest.skip(missing(program, package))


def shared() -> Path:
    """Return the folder with the recordings: PANOPTES_SHARED, or `shared` beside the repository."""
    return Path(os.environ.get("PANOPTES_SHARED", ROOT.parent / "shared"))


def free_port(family: int = socket.AF_INET) -> int:
    host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def v3_users() -> Sequence[UsmUser]:
    """Return one user for each pair of auth and priv that snmpd supports, and one for each level below."""
    users = [UsmUser(name="noauth")]
    for auth in _SNMPD_AUTH:
        users.append(UsmUser(name=f"{auth}-none", auth_protocol=auth, auth_key=Secret(PASSPHRASE)))
        users.extend(
            UsmUser(
                name=f"{auth}-{priv}",
                auth_protocol=auth,
                auth_key=Secret(PASSPHRASE),
                priv_protocol=priv,
                priv_key=Secret(PRIV_PASSPHRASE),
            )
            for priv in _SNMPD_PRIV
        )
    return users


def _snmpd_conf(port: int, users: Sequence[UsmUser], *, ipv6: bool, hosts: int = 1) -> str:
    listening = ",".join(f"udp:127.0.0.{host}:{port}" for host in range(1, hosts + 1))
    lines = [
        f"agentaddress {listening}" + (f",udp6:[::1]:{port}" if ipv6 else ""),
        "rocommunity public default",
        "rocommunity6 public default",
        "view narrow included .1.3.6.1.2.1.1.5",
        "rocommunity narrow default -V narrow",
        "rocommunity6 narrow default -V narrow",
        "sysLocation a rack",
        "sysContact noc@example.net",
        "sysName snmpd.example.net",
    ]
    for user in users:
        if user.auth_protocol is AuthProtocol.NONE:
            lines += [f"createUser {user.name}", f"rouser {user.name} noauth"]
            continue
        level = "priv" if user.priv_protocol in _SNMPD_PRIV else "auth"
        line = f'createUser {user.name} {_SNMPD_AUTH[user.auth_protocol]} "{PASSPHRASE}"'
        if level == "priv":
            line += f' {_SNMPD_PRIV[user.priv_protocol]} "{PRIV_PASSPHRASE}"'
        lines += [line, f"rouser {user.name} {level}"]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Agent:
    host: str
    port: int
    process: subprocess.Popen[bytes]

    @property
    def endpoint(self) -> str:
        return f"{self.host}:{self.port}"


@contextlib.contextmanager
def _running(command: Sequence[str], log: Path, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=env)  # noqa: S603 - our own command
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


#: sysUpTime GET with community `public`, and one for the SNMPv3 engine id
_HELLO_V2C = bytes.fromhex("302902010104067075626c6963a01c020400000001020100020100300e300c06082b060102010103000500")


def wait_until_answering(port: int, process: subprocess.Popen[bytes], log: Path, hello: bytes = _HELLO_V2C) -> None:
    """Return when the agent answers. Raises AssertionError, with its log, when it dies or stays silent for 20 s."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.1)
        ends = time.monotonic() + 20
        while time.monotonic() < ends and process.poll() is None:
            asking.sendto(hello, ("127.0.0.1", port))
            with contextlib.suppress(TimeoutError, ConnectionError):
                asking.recv(65535)
                return
    raise AssertionError(f"the agent does not answer on port {port}: {log.read_text(errors='replace')[-2000:]}")


@contextlib.contextmanager
def snmpd(
    users: Sequence[UsmUser] = (), *, ipv6: bool = False, port: int | None = None, hosts: int = 1
) -> Iterator[Agent]:
    """Run net-snmp's agent on 127.0.0.1 and the addresses after it."""
    program = require("snmpd", "snmpd")
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="snmpd-") as folder:
        home = Path(folder)
        conf = home / "snmpd.conf"
        conf.write_text(_snmpd_conf(port, users, ipv6=ipv6, hosts=hosts))
        env = {**os.environ, "SNMP_PERSISTENT_DIR": folder, "SNMPCONFPATH": folder, "MIBS": ""}
        log = home / "log"
        command = [program, "-f", "-Lo", "-C", "-c", str(conf), "-I", "-smux", "-p", str(home / "pid")]
        with _running(command, log, env) as process:
            wait_until_answering(port, process, log)
            yield Agent("127.0.0.1", port, process)


@contextlib.contextmanager
def simagent(binary: Path, *options: str) -> Iterator[Agent]:
    """Run simagent; device i is at 127.0.1.(1+i)."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="simagent-") as folder:
        log = Path(folder) / "log"
        with _running([str(binary), "-port", str(port), *options], log) as process:
            ends = time.monotonic() + 20
            while "devices x" not in log.read_text() and time.monotonic() < ends and process.poll() is None:
                time.sleep(0.02)
            yield Agent("127.0.1.1", port, process)


def build_simagent(folder: Path) -> Path:
    """Return the built program."""
    go = require("go", "golang-go")
    binary = folder / "simagent"
    source = ROOT / "tests" / "bench" / "simagent"
    subprocess.run([go, "build", "-o", str(binary), "."], cwd=source, check=True, timeout=300)  # noqa: S603
    return binary


def sorted_recording(source: Path, target: Path) -> None:
    """Write a copy of a recording in the order of OIDs, which snmpsim needs; the recorded order is the device's."""
    lines = [line for line in source.read_text().splitlines() if line.strip()]
    lines.sort(key=lambda line: tuple(map(int, line.split("|", 1)[0].split("."))))
    target.write_text("\n".join(lines) + "\n")


@contextlib.contextmanager
def snmpsim(recordings: Path, users: Sequence[UsmUser] = ()) -> Iterator[Agent]:
    """Run snmpsim on a folder of .snmprec files; each is the community (or context) of its name."""
    program = Path(sys.executable).parent / "snmpsim-command-responder"
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="snmpsim-") as folder:
        log = Path(folder) / "log"
        command = [
            str(program),
            f"--data-dir={recordings}",
            f"--cache-dir={folder}/cache",
            f"--agent-udpv4-endpoint=127.0.0.1:{port}",
            "--logging-method=stdout",
            "--log-level=error",
        ]
        if os.geteuid() == 0:
            command += ["--process-user=root", "--process-group=root"]
        for user in users:
            command += _snmpsim_user(user)
        with _running(command, log) as process:
            wait_until_answering(port, process, log)
            yield Agent("127.0.0.1", port, process)


_SNMPSIM_AUTH = {AuthProtocol.SHA1: "SHA"}
_SNMPSIM_PRIV = {
    PrivProtocol.DES: "DES",
    PrivProtocol.TRIPLE_DES: "3DES",
    PrivProtocol.AES128: "AES",
    PrivProtocol.AES192: "AES192BLMT",
    PrivProtocol.AES256: "AES256BLMT",
    PrivProtocol.AES192_REEDER: "AES192",
    PrivProtocol.AES256_REEDER: "AES256",
}


def _snmpsim_user(user: UsmUser) -> list[str]:
    options = [f"--v3-user={user.name}"]
    if user.auth_protocol is not AuthProtocol.NONE:
        name = _SNMPSIM_AUTH.get(user.auth_protocol, user.auth_protocol.upper())
        options += [f"--v3-auth-key={PASSPHRASE}", f"--v3-auth-proto={name}"]
    if user.priv_protocol is not PrivProtocol.NONE:
        options += [f"--v3-priv-key={PRIV_PASSPHRASE}", f"--v3-priv-proto={_SNMPSIM_PRIV[user.priv_protocol]}"]
    return options


@dataclass(frozen=True, slots=True)
class Fixed:
    """A source of credentials that always gives the same."""

    credentials: Sequence[Credential] = (V2C,)

    async def candidates(self, site: str, device_id: str) -> Sequence[Credential]:
        return self.credentials
