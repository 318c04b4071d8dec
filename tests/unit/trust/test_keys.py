"""Key files, certificates and the throw-away authority."""

from __future__ import annotations

import os
import stat
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from bus.errors import Misconfigured, SignatureRejected
from bus.trust import keys, pki
from tests.support import pki as support

NOW = support.NOW


@pytest.fixture
def files(tmp_path):
    """A key pair on disk."""
    key_file, certificate_file = tmp_path / "keys" / "a.key.pem", tmp_path / "keys" / "a.cert.pem"
    authority = pki.create_authority("Thử", NOW)
    pki.write_pair(key_file, certificate_file, *pki.issue(authority, "a", not_before=NOW))
    return key_file, certificate_file


def _refusal(call, *arguments) -> str:
    with pytest.raises(Misconfigured) as refused:
        call(*arguments)
    return refused.value.code


def _certificate(key, signing=None) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Tỉnh X")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.public_key(key.public_key()).sign(signing or key, digest)


def test_a_written_pair_loads(files):
    """What was written is read back as one pair, and the key shows in no repr."""
    own = keys.load_own_key(*files)
    assert own.fingerprint == keys.fingerprint(own.certificate_der)
    assert own.key.public_key() == own.certificate.public_key()
    assert "PrivateKey" not in repr(own)


def test_key_files_are_private_from_the_first_byte(tmp_path, monkeypatch):
    """The file is created with mode 0600, whatever the umask, and never replaced."""
    opened = []
    real = os.open

    def watched(path, flags, mode=0o777, **rest):
        opened.append((flags, mode))
        return real(path, flags, mode, **rest)

    monkeypatch.setattr(os, "open", watched)
    before = os.umask(0)
    try:
        keys.write_private_key(tmp_path / "k.pem", pki.new_key("ec"))
    finally:
        os.umask(before)
    ((flags, mode),) = opened
    assert (mode, bool(flags & os.O_EXCL), bool(flags & os.O_CREAT)) == (0o600, True, True)
    assert stat.S_IMODE((tmp_path / "k.pem").stat().st_mode) == 0o600
    assert _refusal(keys.write_private_key, tmp_path / "k.pem", pki.new_key("ec")) == "CFG-003"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o610, 0o777])
def test_keys_that_others_can_read_are_refused(files, mode):
    """Any right of group or others refuses the key."""
    files[0].chmod(mode)
    assert _refusal(keys.load_own_key, *files) == "CFG-003"


def test_keys_that_only_the_owner_reads_pass(files):
    """0400 is as good as 0600."""
    files[0].chmod(0o400)
    assert keys.load_own_key(*files).fingerprint


def test_bad_files_are_named(files, tmp_path):
    """Missing, broken, encrypted, foreign and mismatched files are each refused with a code."""
    key_file, certificate_file = files
    nothing = tmp_path / "nothing.pem"
    assert _refusal(keys.load_own_key, nothing, certificate_file) == "CFG-003"
    assert _refusal(keys.load_own_key, key_file, nothing) == "CFG-006"
    other = tmp_path / "other.pem"
    keys.write_private_key(other, pki.new_key("ec"))
    assert _refusal(keys.load_own_key, other, certificate_file) == "CFG-003"
    kind = serialization.PrivateFormat.PKCS8
    locked = pki.new_key("ec").private_bytes(
        serialization.Encoding.PEM, kind, serialization.BestAvailableEncryption(b"x")
    )
    strange = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, kind, serialization.NoEncryption()
    )
    for content in (b"", b"garbage", locked, strange):
        other.write_bytes(content)
        assert _refusal(keys.load_own_key, other, certificate_file) == "CFG-003"
    certificate_file.write_bytes(b"garbage")
    assert _refusal(keys.load_own_key, key_file, certificate_file) == "CFG-006"


@pytest.mark.parametrize("encoding", [serialization.Encoding.PEM, serialization.Encoding.DER])
def test_a_binding_holds_the_certificates_facts(encoding):
    """PEM and DER give the same binding: subject, period, fingerprint, in UTC."""
    certificate = _certificate(ec.generate_private_key(ec.SECP384R1()))
    binding = keys.make_binding("A", certificate.public_bytes(encoding), NOW)
    der = certificate.public_bytes(serialization.Encoding.DER)
    assert binding.agency == "A"
    assert (binding.certificate_der, binding.fingerprint) == (der, keys.fingerprint(der))
    assert binding.subject == "CN=Tỉnh X"
    assert (binding.not_before, binding.not_after) == (NOW, NOW + timedelta(days=1))
    assert (binding.bound_at, binding.revoked_at) == (NOW, None)


def test_weak_and_strange_certificates_are_not_bound():
    """RSA below 2048 bits, curves and kinds not used for signing here, and garbage are refused."""
    weak = [
        rsa.generate_private_key(65537, 1024),
        ec.generate_private_key(ec.SECP224R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ]
    for key in weak:
        pem = _certificate(key).public_bytes(serialization.Encoding.PEM)
        assert _refusal(keys.make_binding, "A", pem, NOW) == "CFG-006"
    for garbage in (b"", b"-----BEGIN CERTIFICATE-----", b"\x30\x03\x02\x01\x01"):
        assert _refusal(keys.make_binding, "A", garbage, NOW) == "CFG-006"


@pytest.mark.parametrize(
    ("offset", "expired"),
    [
        (timedelta(0), False),
        (timedelta(days=1), False),
        (timedelta(days=1, seconds=1), True),
        (timedelta(seconds=-1), True),
    ],
)
def test_validity_includes_its_first_and_last_second(offset, expired):
    """A certificate is in force from its first to its last instant."""
    certificate = _certificate(ec.generate_private_key(ec.SECP256R1()))
    der = certificate.public_bytes(serialization.Encoding.DER)
    binding = keys.make_binding("A", der, NOW)
    standing = keys.standing(der, binding, NOW + offset)
    assert (standing.expired, standing.cause) == (expired, "SIG-006" if expired else None)


def test_a_binding_of_another_certificate_does_not_count():
    """What the directory returns must be the binding of this very certificate."""
    own, stranger = support.pairs()
    binding = keys.make_binding("A", own[support.SENDER].certificate_der, NOW)
    assert keys.standing(stranger.certificate_der, binding, NOW).cause == "SIG-005"
    with pytest.raises(SignatureRejected):
        keys.standing(b"x", binding, NOW)


def test_the_authority_issues_certificates_it_signed():
    """Issued certificates verify under the authority, for the period asked for."""
    authority = pki.create_authority("Thử", NOW)
    later = NOW + timedelta(days=5)
    key, certificate = pki.issue(authority, "Sở Y tế", kind="rsa", not_before=NOW, not_after=later)
    assert isinstance(key, rsa.RSAPrivateKey)
    certificate.verify_directly_issued_by(authority.certificate)
    assert certificate.not_valid_after_utc == later
    own = pki.issue_own(authority, "Sở Y tế", NOW)
    assert isinstance(own.key, ec.EllipticCurvePrivateKey)
    assert own.certificate.not_valid_before_utc < NOW < own.certificate.not_valid_after_utc


def test_a_pair_is_never_written_over(files):
    """An existing key file stays as it is."""
    before = files[0].read_bytes()
    authority = pki.create_authority("Thử", NOW)
    pair = pki.issue(authority, "b", not_before=NOW)
    assert _refusal(pki.write_pair, *files, *pair) == "CFG-003"
    assert files[0].read_bytes() == before
