"""Certificates: what is not trusted is named, and a renewed one counts from the next connection on."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from cryptography import x509

from streams.playground.services.secured.authority import LOOPBACK, Authority
from streams.runtime.doctor.certificates import look
from streams.runtime.doctor.findings import Level
from streams.runtime.settings.loading import load
from streams.runtime.settings.tls import TlsFiles, client_context, server_context

NOW_S = dt.datetime.now(dt.UTC).timestamp()


@asynccontextmanager
async def serving(context: ssl.SSLContext) -> AsyncIterator[int]:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def case(tmp_path, request):
    """A server's context and the settings of one who asks it, with the authority that is trusted."""
    ours = Authority(tmp_path / "ours")
    hosts, valid, signer = LOOPBACK, dt.timedelta(days=90), ours
    match request.param:
        case "expired":
            valid = dt.timedelta(days=-3)
        case "ends-soon":
            valid = dt.timedelta(days=10)
        case "wrong-host":
            hosts = (x509.DNSName("elsewhere.example.net"),)
        case "self-signed":
            signer = Authority(tmp_path / "its-own")
    files = signer.files("server", hosts, valid)
    context = server_context(TlsFiles("", str(files.certificate), str(files.key)))

    def settings_for(port: int):
        return load(
            None,
            {"PANOPTES_ZOOKEEPER_TLS": "true", "PANOPTES_ZOOKEEPER_HOSTS": f"127.0.0.1:{port}",
             "PANOPTES_ZOOKEEPER_SSL_CA_FILE": str(ours.certificate)},
        )  # fmt: skip

    return context, settings_for


@pytest.mark.parametrize(
    ("case", "level", "said"),
    [
        ("good", Level.OK, "lasts 90 days"),
        ("ends-soon", Level.WARNING, "expires in 10 days"),
        ("expired", Level.FAULT, "certificate has expired"),
        ("wrong-host", Level.FAULT, "IP address mismatch"),
        ("self-signed", Level.FAULT, "unable to get local issuer certificate"),
    ],
    indirect=["case"],
)
async def test_what_a_service_shows_is_judged(case, level, said):
    context, settings_for = case
    async with serving(context) as port:
        settings = await asyncio.to_thread(settings_for, port)
        found = [finding for finding in await look(settings, 10, NOW_S) if "127.0.0.1" in finding.text]
    assert [finding.level for finding in found] == [level]
    assert said in found[0].text


async def test_a_renewed_certificate_counts_from_the_next_connection_on(tmp_path):
    authority = Authority(tmp_path)
    files = authority.files("server")
    context = server_context(TlsFiles("", str(files.certificate), str(files.key)))
    trusting = client_context(TlsFiles(str(authority.certificate)))
    renewed = authority.files("renewed")
    async with serving(context) as port:
        assert await shown(port, trusting) == "server"
        renewed.key.replace(files.key)
        renewed.certificate.replace(files.certificate)
        assert await shown(port, trusting) == "renewed"
        files.certificate.write_text("half writ")  # what was read before holds
        assert await shown(port, trusting) == "renewed"


async def shown(port: int, context: ssl.SSLContext) -> str:
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    (subject,) = writer.get_extra_info("peercert")["subject"]
    writer.close()
    return str(subject[0][1])


async def test_an_encrypted_key_needs_its_password(tmp_path):
    from cryptography.hazmat.primitives import serialization

    files = Authority(tmp_path).files("client")
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    sealed = serialization.BestAvailableEncryption(b"open sesame")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)
    files.key.write_bytes(pem)
    client_context(TlsFiles("", str(files.certificate), str(files.key), "open sesame"))
    with pytest.raises(OSError, match=r"(?i)bad decrypt|pem"):
        client_context(TlsFiles("", str(files.certificate), str(files.key), "wrong"))


def test_a_key_that_others_can_read_is_warned_of(tmp_path):
    files = Authority(tmp_path).files("client")
    files.key.chmod(0o644)
    environ = {
        "PANOPTES_KAFKA_SSL_CERTIFICATE_FILE": str(files.certificate),
        "PANOPTES_KAFKA_SSL_KEY_FILE": str(files.key),
    }
    found = asyncio.run(look(load(None, environ), 1, NOW_S))
    assert [finding.level for finding in found] == [Level.OK, Level.WARNING]
    assert "can be read by others" in found[1].text
