"""A throw-away certificate authority for development and tests; never for real exchange."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bus.errors import Misconfigured
from bus.trust import keys
from bus.trust.keys import OwnKey, PrivateKey

_A_DAY = timedelta(days=1)
_AUTHORITY_LIFE = timedelta(days=3650)
_LIFE = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Authority:
    """A self-signed authority with its key in memory."""

    key: PrivateKey = field(repr=False)
    certificate: x509.Certificate


def create_authority(name: str, now: datetime) -> Authority:
    """A new P-256 authority, valid from a day before `now` (aware UTC) for ten years."""
    key = new_key("ec")
    builder = _builder(_name(name), _name(name), key).not_valid_before(now - _A_DAY)
    builder = builder.not_valid_after(now + _AUTHORITY_LIFE)
    basic = x509.BasicConstraints(ca=True, path_length=0)
    builder = builder.add_extension(basic, critical=True)
    return Authority(key, builder.sign(key, hashes.SHA256()))


def issue(
    authority: Authority,
    common_name: str,
    *,
    kind: Literal["ec", "rsa"] = "ec",
    not_before: datetime,
    not_after: datetime | None = None,
) -> tuple[PrivateKey, x509.Certificate]:
    """A new key with a certificate by the authority, for a year unless `not_after` says else.

    P-256 unless `kind` asks for RSA-2048, which takes a tenth of a second to make.
    """
    key = new_key(kind)
    builder = _builder(_name(common_name), authority.certificate.subject, key)
    builder = builder.not_valid_before(not_before).not_valid_after(not_after or not_before + _LIFE)
    basic = x509.BasicConstraints(ca=False, path_length=None)
    builder = builder.add_extension(basic, critical=True)
    return key, builder.sign(authority.key, hashes.SHA256())


def issue_own(authority: Authority, common_name: str, now: datetime) -> OwnKey:
    """A new P-256 key pair, ready to sign with, valid from a day before `now` for a year."""
    return keys.own_key(*issue(authority, common_name, not_before=now - _A_DAY))


def new_key(kind: Literal["ec", "rsa"]) -> PrivateKey:
    """A new private key: P-256 or RSA-2048."""
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def write_pair(
    key_file: Path, certificate_file: Path, key: PrivateKey, certificate: x509.Certificate
) -> None:
    """Write a new key (mode 0600 from its first byte on) and its certificate as PEM files.

    Folders are made as needed. Raises Misconfigured CFG-003 when the key file exists
    or a file cannot be written.
    """
    try:
        key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        certificate_file.parent.mkdir(parents=True, exist_ok=True)
        keys.write_private_key(key_file, key)
        certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    except OSError as error:
        raise Misconfigured(f"{error.filename}: {error.strerror}.", code="CFG-003") from error


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: PrivateKey) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    return builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
