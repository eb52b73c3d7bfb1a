"""A certificate authority for the stack, created at its first start; signs for loopback, for a year."""

import datetime as dt
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID: Final = dt.timedelta(days=365)
_SKEW: Final = dt.timedelta(minutes=5)
LOOPBACK: Final = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


class Files(NamedTuple):
    """The PEM files of a certificate: certificate, key, both in one file for Kafka, and the authority."""

    certificate: Path
    key: Path
    both: Path
    authority: Path


class Authority:
    """Signs certificates; its key and certificates are in a folder that only the owner may read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = self._of("ca")
        if not self._files.both.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            key = ec.generate_private_key(ec.SECP256R1())
            builder = _builder("panoptes stack", key.public_key(), "panoptes stack")
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            builder = builder.add_extension(_usage(signs=True), critical=True)
            self._write(self._files, builder.sign(key, hashes.SHA256()), key)

    @property
    def certificate(self) -> Path:
        """Return the file that clients trust."""
        return self._files.certificate

    def files(self, name: str, hosts: Sequence[x509.GeneralName] = LOOPBACK, valid: dt.timedelta = VALID) -> Files:
        """Return the certificate of a server or client at these hosts with the common name `name`; made once.

        `valid` below nothing: it has ended by so much, and was good for a day.
        """
        files = self._of(name)
        if not files.both.exists():
            issuer = serialization.load_pem_private_key(self._files.key.read_bytes(), password=None)
            if not isinstance(issuer, ec.EllipticCurvePrivateKey):
                raise TypeError("the authority's key is no EC key")
            signer = x509.load_pem_x509_certificate(self._files.certificate.read_bytes())
            key = ec.generate_private_key(ec.SECP256R1())
            builder = _builder(name, key.public_key(), "panoptes stack", valid)
            builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            builder = builder.add_extension(_usage(signs=False), critical=True)
            uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            signed_by = signer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signed_by), critical=False
            )
            self._write(files, builder.sign(issuer, hashes.SHA256()), key)
        return files

    def _of(self, name: str) -> Files:
        folder = self._folder
        return Files(folder / f"{name}.pem", folder / f"{name}.key", folder / f"{name}-both.pem", folder / "ca.pem")

    @staticmethod
    def _write(files: Files, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(files.certificate, pem)
        write_private(files.key, secret)
        write_private(files.both, secret + pem)


def write_private(path: Path, content: bytes) -> None:
    """Write a file atomically that only its owner may read."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)


def _builder(
    subject: str, key: ec.EllipticCurvePublicKey, issuer: str, valid: dt.timedelta = VALID
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    ends = now + valid
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now - _SKEW, ends - dt.timedelta(days=1)))
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
