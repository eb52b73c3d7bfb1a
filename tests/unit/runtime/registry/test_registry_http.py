"""What the registry client makes of each kind of answer, and that a password reaches the registry and nobody else."""

import base64
import datetime as dt
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pollers.snmp.credentials import Secret
from schemas.errors import BackendError, FatalError, RecordError
from streams.runtime.registry.opening import HttpRegistry
from streams.runtime.settings.sections import RegistrySettings


class Server(ThreadingHTTPServer):
    answer: tuple[int, bytes] = (200, b"{}")
    requests: list[tuple[str, str, Any]]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.server.requests.append((self.command, self.path, self.headers.get("Authorization")))
        self.rfile.read(length)
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as made:
        made.requests = []
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def registry(server) -> HttpRegistry:
    url = f"http://127.0.0.1:{server.server_address[1]}"
    return HttpRegistry(RegistrySettings(url=url, username="me", password=Secret("hunter2"), request_timeout_s=5))


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        pytest.param(503, b"", BackendError, "cannot serve GET /schemas/ids/1 now: 503", id="unavailable"),
        pytest.param(500, b'{"error_code": 50001, "message": "store"}', BackendError, "500 store", id="its-store"),
        pytest.param(429, b"", BackendError, "now: 429", id="busy"),
        pytest.param(401, b"no", BackendError, "check [registry] username, password", id="refused"),
        pytest.param(404, b"<html>", BackendError, "check the URL's path", id="not-a-registry"),
        pytest.param(
            404, b'{"error_code": 40403, "message": "x"}', RecordError, "unknown schema id 1", id="no-such-id"
        ),
        pytest.param(302, b"", FatalError, "refused GET", id="moved"),
        pytest.param(200, b"<html>", BackendError, "without JSON", id="no-json"),
    ],
)
async def test_each_answer_is_sorted_by_how_to_react(server, registry, status, body, error, says):
    server.answer = (status, body)
    with pytest.raises(error) as caught:
        await registry.schema_for(1)
    assert type(caught.value) is error
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_an_incompatible_schema_stops_the_worker(server, registry):
    server.answer = (409, b'{"error_code": 409, "message": "READER_FIELD_MISSING_DEFAULT_VALUE"}')
    with pytest.raises(FatalError, match="READER_FIELD_MISSING_DEFAULT_VALUE"):
        await registry.id_for("a-value", "{}")


async def test_user_and_password_go_with_every_request(server, registry):
    server.answer = (200, json.dumps({"id": 3, "schema": "{}"}).encode())
    assert await registry.id_for("a-value", "{}") == 3
    expected = "Basic " + base64.b64encode(b"me:hunter2").decode()
    assert server.requests == [
        ("POST", "/subjects/a-value/versions", expected),
        ("PUT", "/config/a-value", expected),
    ]


async def test_each_schema_and_id_is_asked_for_once(server, registry):
    server.answer = (200, json.dumps({"id": 3, "schema": "{}"}).encode())
    for _ in range(3):
        await registry.id_for("a-value", "{}")
        await registry.schema_for(3)
    assert [path for _, path, _ in server.requests] == [
        "/subjects/a-value/versions",
        "/config/a-value",
        "/schemas/ids/3",
    ]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1, signed by itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "server.pem"
    path.write_bytes(made.public_bytes(pem) + plain)
    return path


@pytest.fixture
def https(certificate) -> Iterator[RegistrySettings]:
    """Settings for a registry behind TLS that knows one schema."""
    with Server(("127.0.0.1", 0), Handler) as made:
        made.requests, made.answer = [], (200, b'{"schema": "{}"}')
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        made.socket = context.wrap_socket(made.socket, server_side=True)
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield RegistrySettings(url=f"https://127.0.0.1:{made.server_address[1]}", ssl_ca_file=str(certificate))
        made.shutdown()
        thread.join()


async def test_an_https_registry_is_trusted_by_the_certificates_of_the_settings_only(https):
    assert await HttpRegistry(https).schema_for(1) == "{}"
    with pytest.raises(BackendError, match="CERTIFICATE_VERIFY_FAILED"):
        await HttpRegistry(https.model_copy(update={"ssl_ca_file": ""})).schema_for(1)
