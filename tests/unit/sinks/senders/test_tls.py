"""TLS: the receiver's certificate is checked against our authority, and ours is shown where it is asked for."""

import datetime as dt
import ssl
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pollers.plugins.base import PluginContext
from pollers.plugins.batch import TryAgain
from streams.runtime.plugins import NoAccess
from streams.sinks.senders.agent_http import HttpSink
from streams.sinks.senders.agent_prometheus import create
from tests.unit.sinks.batches import batch, decoding
from tests.unit.sinks.gauges import gauge
from tests.unit.sinks.scripted import Reply, receiving

DAY: Final = dt.timedelta(days=1)


class Files(NamedTuple):
    ca: Path
    certificate: Path
    key: Path


def authority(folder: Path, name: str) -> Files:
    """Write an authority and a certificate for localhost that it signed."""
    now = dt.datetime.now(dt.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} authority")])

    def certificate(subject: x509.Name, public: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(ca_name).public_key(public)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - DAY).not_valid_after(now + DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        # since Python 3.13 a certificate has to say whose key signed it (RFC 5280 §4.2.1.1)
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
        own = x509.SubjectKeyIdentifier.from_public_key(public)
        usage = x509.KeyUsage(True, False, not ca, False, False, ca, ca, False, False)
        for extension in (names, signer, own):
            builder = builder.add_extension(extension, critical=False)
        return builder.add_extension(usage, critical=True).sign(ca_key, hashes.SHA256())

    files = Files(*(folder / f"{name}-{what}.pem" for what in ("ca", "certificate", "key")))
    leaf = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    pem = serialization.Encoding.PEM
    files.ca.write_bytes(certificate(ca_name, ca_key.public_key(), ca=True).public_bytes(pem))
    files.certificate.write_bytes(certificate(leaf, key.public_key(), ca=False).public_bytes(pem))
    files.key.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return files


@pytest.fixture
def ours(tmp_path):
    return authority(tmp_path, "ours")


@pytest.fixture
def others(tmp_path):
    return authority(tmp_path, "others")


@pytest.fixture
def server(ours):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours.certificate, ours.key)
    return context


def sink(port: int, host: str = "localhost", **options: str) -> HttpSink:
    context = PluginContext(
        section="store",
        interval_s=0,
        options={"url": f"https://{host}:{port}", "timeout_s": "5", **options},
        snmp=NoAccess(),
        now_ms=lambda: 0,
    )
    return create(context)


async def test_a_certificate_of_our_authority_is_taken(server, ours):
    async with receiving(lambda _request: Reply(204), tls=server) as receiver:
        one = sink(receiver.port, ca_file=str(ours.ca))
        assert (await one.write(batch([gauge()], decoding()))).stored == 2
        await one.close()


@pytest.mark.parametrize(("host", "of"), [("localhost", "others"), ("127.0.0.1", "ours")], ids=["issuer", "name"])
async def test_a_certificate_that_does_not_match_is_waited_for_with_the_reason(server, ours, others, host, of):
    async with receiving(lambda _request: Reply(204), tls=server) as receiver:
        one = sink(receiver.port, host, ca_file=str({"ours": ours, "others": others}[of].ca))
        with pytest.raises(TryAgain, match="certificate verify failed"):
            await one.write(batch([gauge()], decoding()))
        await one.close()
    assert receiver.requests == []


async def test_our_certificate_is_shown_where_it_is_asked_for(server, ours):
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(ours.ca)
    async with receiving(lambda _request: Reply(204), tls=server) as receiver:
        without = sink(receiver.port, ca_file=str(ours.ca))
        with pytest.raises(TryAgain):
            await without.write(batch([gauge()], decoding()))
        await without.close()
        files = {"ca_file": str(ours.ca), "certificate_file": str(ours.certificate), "key_file": str(ours.key)}
        one = sink(receiver.port, **files)
        assert (await one.write(batch([gauge()], decoding()))).stored == 2
        await one.close()
