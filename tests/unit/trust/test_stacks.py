"""Signatures in the shapes that real SOAP stacks send; the stacks themselves: make test-clients."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from bus.model import Coverage
from bus.trust import keys, xmldsig
from bus.trust.bound import BoundCertificates, CertificateName, Naming
from bus.trust.keyring import Keyring
from bus.trust.keys import OwnKey
from tests.support import pki, stacks

SOAP_VERSIONS = pytest.mark.parametrize("soap", [pki.SOAP11, pki.SOAP12])
RSA_AND_EC = pytest.mark.parametrize("who", [pki.JAVA, pki.SENDER], ids=["rsa", "ec"])
STACKS = (stacks.WSS4J, stacks.GSOAP, stacks.NPM_SOAP, stacks.ZEEP)
CARRIED = stacks.variants(stacks.WSS4J, stacks.certificate_identifier, stacks.x509_data)
NAMED = stacks.variants(
    stacks.WSS4J,
    stacks.issuer_serial,
    stacks.bare_issuer_serial,
    stacks.subject_key,
    stacks.bare_subject_key,
    stacks.thumbprint,
)
NOT_UNDERSTOOD = stacks.variants(
    stacks.WSS4J, stacks.path, stacks.key_value, stacks.other_identifier
)


def _shapes(*shapes):
    return pytest.mark.parametrize("shape", shapes, ids=lambda shape: shape.name)


def _keyring(world: pki.World) -> Keyring:
    """The world's keyring as the bus composes it: what is bound can be named."""
    listed = tuple(world.roster.bindings.values())
    return Keyring(world.roster, world.clock, world.settings, bindings=lambda: listed)


@_shapes(*STACKS, *CARRIED, *NAMED)
@SOAP_VERSIONS
@RSA_AND_EC
def test_every_stack_proves_its_caller(world, shape, soap, who):
    """Body and Timestamp verify in the shape of every stack, with RSA and EC, SOAP 1.1 and 1.2."""
    verdict = _keyring(world).verify_envelope(stacks.signed(world.own[who], shape, soap))
    assert (verdict.intact, verdict.trusted, verdict.cause, verdict.detail) == (
        True,
        True,
        None,
        "",
    )
    assert (verdict.coverage, verdict.signer) == (Coverage.SOAP_BODY, who)
    assert verdict.signed_at == pki.NOW


@_shapes(*STACKS, *CARRIED, *NAMED)
def test_a_changed_body_is_noticed_in_every_shape(world, shape):
    """Whatever the shape, one changed word of the Body refuses the call."""
    envelope = stacks.signed(world.own[pki.JAVA], shape)
    pki.find(envelope, "recipient").text = "Bộ C"
    assert _keyring(world).verify_envelope(envelope).cause == "SIG-002"


@_shapes(*STACKS)
@pytest.mark.parametrize("attack", [None, "drop", "swap"])
def test_the_signature_of_a_carried_document_is_signed_content(world, shape, attack):
    """Naming the enveloped transform takes no other signature out: the document's own stays covered."""
    carried = etree.fromstring(xmldsig.sign_document(pki.document(), world.own[pki.SENDER]))
    envelope = stacks.signed(
        world.own[pki.JAVA], shape, payload=etree.tostring(carried, encoding="unicode")
    )
    inner = pki.find(pki.find(envelope, "Body"), "Signature")
    if attack == "drop":
        inner.getparent().remove(inner)
    elif attack == "swap":
        pki.find(inner, "SignatureValue").text = "AAAA"
    cause = _keyring(world).verify_envelope(envelope).cause
    assert cause == (None if attack is None else "SIG-002")


@_shapes(*STACKS)
@pytest.mark.parametrize("gone", ["Body", "Timestamp"])
def test_what_is_taken_out_of_the_signature_is_missed(world, shape, gone):
    """In every shape a signature over one of Body and Timestamp only is refused."""
    envelope = stacks.signed(world.own[pki.JAVA], shape)
    part = pki.find(envelope, gone)
    id_ = part.get(stacks.WSU_ID) or part.get("Id")
    info = pki.find(envelope, "SignedInfo")
    for reference in info.findall(f"{{{pki.DS}}}Reference"):
        if reference.get("URI") == f"#{id_}":
            info.remove(reference)
    pki.Resigner(world.own[pki.JAVA]).resign(pki.find(envelope, "Signature"))
    assert _keyring(world).verify_envelope(envelope).intact is not True


@pytest.mark.parametrize(
    "value",
    [
        encode_dss_signature(1, 1),
        encode_dss_signature(0, 0),
        encode_dss_signature(2**256, 1),
        encode_dss_signature(2**4000, 2**4000),
        # a negative number, a length without end, nothing but a tag
        b"\x30\x06\x02\x01\xff\x02\x01\x05",
        b"\x30\x80\x02\x01\x05\x02\x01\x05\x00\x00",
        b"\x30",
    ],
    ids=range(7),
)
@RSA_AND_EC
def test_a_value_in_der_must_be_the_right_numbers(world, value, who):
    """Reading ECDSA values in DER too lets no other value pass, however it is made."""
    envelope = stacks.signed(world.own[who], stacks.GSOAP)
    pki.find(envelope, "SignatureValue").text = base64.b64encode(value).decode()
    verdict = _keyring(world).verify_envelope(envelope)
    assert (verdict.cause, verdict.intact) == ("SIG-003", False)


@_shapes(*NAMED)
def test_a_named_certificate_counts_only_when_bound(world, shape):
    """A name that no bound certificate bears is refused and says what to send instead."""
    verdict = _keyring(world).verify_envelope(stacks.signed(world.stranger, shape))
    assert (verdict.cause, verdict.intact, verdict.signer) == ("SIG-005", None, None)
    assert "BinarySecurityToken" in verdict.detail


@_shapes(*NAMED)
def test_a_name_is_no_proof(world, shape):
    """Naming another agency's certificate over one's own signature gains nothing."""
    envelope = stacks.signed(world.own[pki.SENDER], shape)
    other = stacks.signed(world.own[pki.OTHER], shape)
    pki.find(envelope, "KeyInfo").getparent().replace(
        pki.find(envelope, "KeyInfo"), pki.find(other, "KeyInfo")
    )
    verdict = _keyring(world).verify_envelope(envelope)
    assert (verdict.cause, verdict.intact, verdict.signer) == ("SIG-003", False, pki.OTHER)


@_shapes(*NAMED)
@pytest.mark.parametrize(("who", "cause"), [(pki.EXPIRED, "SIG-006"), (pki.REVOKED, "SIG-007")])
def test_a_named_certificate_out_of_force_is_refused_as_such(world, shape, who, cause):
    """Naming instead of sending an expired or revoked certificate helps nobody."""
    verdict = _keyring(world).verify_envelope(stacks.signed(world.own[who], shape))
    assert (verdict.intact, verdict.trusted, verdict.cause) == (True, False, cause)


@_shapes(*NOT_UNDERSTOOD)
def test_other_ways_to_name_a_key_are_refused_with_the_cure(world, shape):
    """Paths, bare keys and foreign identifiers are refused, and the answer names what to send."""
    verdict = _keyring(world).verify_envelope(stacks.signed(world.own[pki.JAVA], shape))
    assert (verdict.cause, verdict.intact) == ("SIG-008", None)
    assert "BinarySecurityToken of type X509v3" in verdict.detail


def test_a_key_known_by_a_private_name_is_unreadable(world):
    """A KeyName says nothing to the bus, and the answer names what to send."""
    shape = stacks.variants(stacks.WSS4J, stacks.key_name)[0]
    verdict = _keyring(world).verify_envelope(stacks.signed(world.own[pki.JAVA], shape))
    assert verdict.cause == "SIG-011"
    assert "BinarySecurityToken" in verdict.detail


@SOAP_VERSIONS
@pytest.mark.parametrize("must", [None, "0", "1", "true"])
@pytest.mark.parametrize("role", [None, "", "next", "ultimate", "other"])
def test_the_header_is_judged_when_it_is_addressed_to_the_bus(world, soap, must, role):
    """Header blocks for the next or the last node are judged, those for somebody else are not."""
    actor = {
        "next": "http://schemas.xmlsoap.org/soap/actor/next"
        if soap == pki.SOAP11
        else f"{soap}/role/next",
        "ultimate": "" if soap == pki.SOAP11 else f"{soap}/role/ultimateReceiver",
        "other": "urn:another:node",
    }.get(role, role)
    shape = replace(stacks.WSS4J, actor=actor, must_understand=must)
    verdict = _keyring(world).verify_envelope(stacks.signed(world.own[pki.JAVA], shape, soap))
    assert verdict is None if role == "other" else verdict.cause is None


@pytest.mark.parametrize(
    "issuer",
    [
        "CN=Cơ quan chứng thực thử nghiệm",
        "cn=CƠ QUAN  CHỨNG THỰC THỬ NGHIỆM",
        "E=not@rfc.4514, S=what .NET writes",
        "",
    ],
)
def test_an_issuer_is_compared_without_what_stacks_differ_in(world, issuer):
    """Case, spaces and spellings that cannot be read do not hide a certificate; the key decides."""
    envelope = stacks.signed(world.own[pki.JAVA], NAMED[0])
    pki.find(envelope, "X509IssuerName").text = issuer
    assert _keyring(world).verify_envelope(envelope).cause is None


def test_another_issuer_with_the_same_serial_number_is_another_certificate(world):
    """A serial number means nothing beside the name of another authority."""
    envelope = stacks.signed(world.own[pki.JAVA], NAMED[0])
    pki.find(envelope, "X509IssuerName").text = "CN=Cơ quan khác"
    assert _keyring(world).verify_envelope(envelope).cause == "SIG-005"


@pytest.mark.parametrize("serial", ["", "abc", "-1", "१२", "9" * 50, "1 2"])
def test_a_serial_number_that_is_none_is_unreadable(world, serial):
    """What is no serial number of RFC 5280 is refused before it is converted."""
    envelope = stacks.signed(world.own[pki.JAVA], NAMED[0])
    pki.find(envelope, "X509SerialNumber").text = serial
    assert _keyring(world).verify_envelope(envelope).cause == "SIG-011"


def test_a_renewed_certificate_that_keeps_its_key_is_chosen_by_force(world):
    """Where an expired certificate and its successor share the name, the one in force counts."""
    renewed = _renewed(world.own[pki.EXPIRED])
    world.roster.bind(pki.EXPIRED, renewed)
    verdict = _keyring(world).verify_envelope(stacks.signed(renewed, NAMED[2]))
    assert (verdict.cause, verdict.fingerprint) == (None, renewed.fingerprint)


def test_a_name_that_fits_two_agencies_is_refused(world):
    """One key bound to two agencies cannot be named by the key: nobody is guessed."""
    world.roster.bind(pki.OTHER, _renewed(world.own[pki.SENDER]))
    verdict = _keyring(world).verify_envelope(stacks.signed(world.own[pki.SENDER], NAMED[2]))
    assert (verdict.cause, verdict.intact) == ("SIG-008", None)


def test_a_binding_made_while_the_bus_runs_can_be_named(world):
    """The index follows the directory: what was bound a moment ago is found."""
    listed = [tuple(world.roster.bindings.values())]
    keyring = Keyring(world.roster, world.clock, world.settings, bindings=lambda: listed[-1])
    envelope = stacks.signed(world.stranger, NAMED[4])
    assert keyring.verify_envelope(envelope).cause == "SIG-005"
    world.roster.bind(pki.OTHER, world.stranger)
    listed.append(tuple(world.roster.bindings.values()))
    assert keyring.verify_envelope(envelope).cause is None


def test_an_index_is_made_once_for_one_state_of_the_directory(world):
    """Strangers who send names do not make the bus read the directory again and again."""
    asked = []

    class Listed(tuple):
        def __iter__(self):
            asked.append(1)
            return super().__iter__()

    listed = Listed(world.roster.bindings.values())
    bound = BoundCertificates(lambda: listed)
    for number in range(3):
        bound.named(CertificateName(naming=Naming.SERIAL, value=str(number).encode()))
    assert len(asked) == 1


def _renewed(own: OwnKey) -> OwnKey:
    """Another certificate for the same key, in force since a month."""
    start = pki.NOW - timedelta(days=30)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Gia hạn")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(4711)
    builder = builder.public_key(own.key.public_key())
    builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=365))
    return keys.own_key(own.key, builder.sign(own.key, hashes.SHA256()))
