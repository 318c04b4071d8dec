"""Keys and certificates: the bus's own, and what the directory says of others'."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from bus.errors import Misconfigured, SignatureRejected
from bus.model import KeyBinding

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_LEAST_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class OwnKey:
    """The bus's private key with its certificate, parsed once (an RSA key costs 50 ms to load)."""

    key: PrivateKey = field(repr=False)
    certificate: x509.Certificate
    certificate_der: bytes = field(repr=False)
    #: Lower-case hex SHA-256 of the DER certificate.
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of one certificate at one instant; `signer` is None when nobody is bound."""

    fingerprint: str
    certificate: x509.Certificate
    signer: str | None = None
    expired: bool = False
    revoked: bool = False

    @property
    def cause(self) -> str | None:
        """Why the certificate is not trusted, a code of the error table; None when it is."""
        if self.signer is None:
            return "SIG-005"
        if self.revoked:
            return "SIG-007"
        return "SIG-006" if self.expired else None


class KeptKey:
    """Stands for a bound certificate where only its key is asked for; reads each out once."""

    def __init__(self, certificate: x509.Certificate) -> None:
        self._certificate = certificate

    def public_key(self) -> CertificatePublicKeyTypes:
        """The certificate's public key; raises ValueError or UnsupportedAlgorithm."""
        return public_key(self._certificate)


@functools.lru_cache(maxsize=4096)
def public_key(certificate: x509.Certificate) -> CertificatePublicKeyTypes:
    """The key of a bound certificate, read out once; raises ValueError or UnsupportedAlgorithm."""
    return certificate.public_key()


#: Looks a DER certificate up; raises SignatureRejected SIG-011 when it is none.
Resolve: TypeAlias = Callable[[bytes], Standing]


def fingerprint(der: bytes) -> str:
    """Lower-case hex SHA-256 of a DER certificate."""
    return hashlib.sha256(der).hexdigest()


def standing(der: bytes, binding: KeyBinding | None, now: datetime) -> Standing:
    """What a binding found by fingerprint says of a certificate at `now` (aware UTC).

    Raises SignatureRejected SIG-011 when the bytes are no certificate.
    """
    mark = fingerprint(der)
    if binding is None or binding.fingerprint != mark:
        return Standing(fingerprint=mark, certificate=_certificate(der))
    return Standing(
        fingerprint=mark,
        certificate=_bound_certificate(der),
        signer=binding.agency,
        expired=not binding.not_before <= now <= binding.not_after,
        revoked=binding.revoked_at is not None,
    )


def _certificate(der: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureRejected("The certificate cannot be read.", code="SIG-011") from error


#: Keeps what is bound in the directory only: what strangers send must not fill memory.
_bound_certificate = functools.lru_cache(maxsize=4096)(_certificate)


def pinned(certificate_der: bytes, name: str, now: datetime) -> Resolve:
    """A look-up that knows one certificate only, for those who verify the bus's own signature.

    Raises Misconfigured CFG-006 when it is no acceptable certificate.
    """
    binding = make_binding(name, certificate_der, now)

    def resolve(der: bytes) -> Standing:
        return standing(der, binding if fingerprint(der) == binding.fingerprint else None, now)

    return resolve


def make_binding(agency: str, certificate: bytes, now: datetime) -> KeyBinding:
    """Bind one certificate, PEM or DER, to an agency from `now` on (aware UTC).

    Raises Misconfigured CFG-006 when it is no certificate or its key is too weak.
    """
    loaded = _load_certificate(certificate)
    _demand_strength(loaded)
    der = loaded.public_bytes(serialization.Encoding.DER)
    return KeyBinding(
        agency=agency,
        fingerprint=fingerprint(der),
        certificate_der=der,
        subject=loaded.subject.rfc4514_string(),
        not_before=loaded.not_valid_before_utc,
        not_after=loaded.not_valid_after_utc,
        bound_at=now,
    )


def load_own_key(key_file: Path, certificate_file: Path) -> OwnKey:
    """Load the bus's key pair from PEM files.

    Raises Misconfigured CFG-003 when the key is missing, readable by others, encrypted,
    of an unsupported kind or not the certificate's, CFG-006 for a bad certificate.
    """
    key = _load_private_key(_read_private(key_file), key_file)
    try:
        pem = certificate_file.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{certificate_file}: {error.strerror}.", code="CFG-006") from error
    certificate = _load_certificate(pem)
    _demand_strength(certificate)
    if key.public_key() != certificate.public_key():
        raise _bad_key(key_file, f"not the key of {certificate_file}")
    return own_key(key, certificate)


def own_key(key: PrivateKey, certificate: x509.Certificate) -> OwnKey:
    """Put a key and its certificate together."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    return OwnKey(key, certificate, der, fingerprint(der))


def write_private_key(path: Path, key: PrivateKey) -> None:
    """Write a new key file, PEM PKCS #8, that only its owner can read from the first byte on.

    Raises Misconfigured CFG-003 when the file exists or cannot be written.
    """
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(handle)
    except OSError as error:
        raise _bad_key(path, error.strerror or "cannot be written") from error


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # the opened file is asked, not the path: it cannot be exchanged in between
            mode = os.fstat(file.fileno()).st_mode
            if mode & 0o077:
                raise _bad_key(path, f"mode {mode & 0o777:04o}")
            return file.read()
    except OSError as error:
        raise _bad_key(path, error.strerror or "cannot be read") from error


def _load_private_key(pem: bytes, path: Path) -> PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _bad_key(path, "no unencrypted PEM private key") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise _bad_key(path, "neither RSA nor EC")
    return key


def _load_certificate(data: bytes) -> x509.Certificate:
    pem = data.lstrip().startswith(b"-----BEGIN")
    try:
        return x509.load_pem_x509_certificate(data) if pem else x509.load_der_x509_certificate(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Misconfigured("It cannot be read.", code="CFG-006") from error


def _demand_strength(certificate: x509.Certificate) -> None:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Misconfigured("Its key cannot be read.", code="CFG-006") from error
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _LEAST_RSA_BITS:
        return
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return
    raise Misconfigured("Its key is too short or of an unsupported kind.", code="CFG-006")


def _bad_key(path: Path, why: str) -> Misconfigured:
    return Misconfigured(f"{path}: {why}.", code="CFG-003")
