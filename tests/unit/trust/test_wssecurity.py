"""Signing and verifying SOAP messages."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
import xmlsec
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from zeep.wsse import signature as zeep_signature

from bus.config import TrustSettings
from bus.errors import Defect
from bus.model import Coverage
from bus.trust import names, wssecurity
from bus.trust.keyring import Keyring
from bus.trust.keys import OwnKey
from bus.trust.signer import BusSigner
from tests.support import pki

SOAP_VERSIONS = pytest.mark.parametrize("soap", [pki.SOAP11, pki.SOAP12])


def _pems(own: OwnKey) -> tuple[bytes, bytes]:
    key = own.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return key, own.certificate.public_bytes(serialization.Encoding.PEM)


def _signed(world, soap=pki.SOAP11, who=pki.SENDER, **options) -> etree._Element:
    envelope = pki.envelope(soap, **options)
    return etree.fromstring(wssecurity.sign_envelope(envelope, world.own[who], world.clock.now()))


def _add_timestamp(
    envelope: etree._Element, soap: str, expires: str = "2025-10-20T03:05:00Z"
) -> etree._Element:
    header = etree.Element(f"{{{soap}}}Header")
    envelope.insert(0, header)
    security = etree.SubElement(
        header, names.SECURITY, nsmap={"wsse": names.WSSE, "wsu": names.WSU}
    )
    timestamp = etree.SubElement(security, names.TIMESTAMP)
    for name, text in (("Created", "2025-10-20T03:00:00Z"), ("Expires", expires)):
        etree.SubElement(timestamp, f"{{{names.WSU}}}{name}").text = text
    return security


def _npm_style(
    own: OwnKey, *, prefix_list: str | None = None, expires: str = "2025-10-20T03:05:00Z"
) -> etree._Element:
    """What libraries with plain `Id` attributes send, signed by python-xmlsec."""
    envelope = pki.envelope()
    security = _add_timestamp(envelope, pki.SOAP11, expires)
    token = etree.SubElement(security, names.TOKEN, ValueType=names.X509V3, Id="x509-1")
    token.text = base64.b64encode(own.certificate_der).decode()
    signature = xmlsec.template.create(
        envelope, xmlsec.Transform.EXCL_C14N, xmlsec.Transform.ECDSA_SHA256
    )
    security.append(signature)
    context = xmlsec.SignatureContext()
    for index, element in enumerate((envelope.find(f"{{{pki.SOAP11}}}Body"), security[0])):
        element.set("Id", f"_{index}")
        context.register_id(element, "Id")
        reference = xmlsec.template.add_reference(
            signature, xmlsec.Transform.SHA256, uri=f"#_{index}"
        )
        transform = xmlsec.template.add_transform(reference, xmlsec.Transform.EXCL_C14N)
        if prefix_list is not None:
            xmlsec.template.transform_add_c14n_inclusive_namespaces(transform, prefix_list)
    key_info = xmlsec.template.ensure_key_info(signature)
    str_ = etree.SubElement(key_info, names.TOKEN_REFERENCE)
    etree.SubElement(str_, f"{{{names.WSSE}}}Reference", URI="#x509-1", ValueType=names.X509V3)
    context.key = xmlsec.Key.from_memory(_pems(own)[0], xmlsec.KeyFormat.PEM, None)
    context.sign(signature)
    return pki.reparsed(envelope)


@SOAP_VERSIONS
@pytest.mark.parametrize("who", [pki.SENDER, pki.JAVA])
@pytest.mark.parametrize("header", [False, True])
def test_a_signed_envelope_proves_its_body_and_time(world, soap, who, header):
    """Body and Timestamp verify together, in both SOAP versions, with EC and RSA keys."""
    verdict = world.keyring.verify_envelope(_signed(world, soap, who, header=header))
    assert (verdict.intact, verdict.trusted, verdict.cause) == (True, True, None)
    assert verdict.coverage is Coverage.SOAP_BODY
    assert verdict.signer == who
    assert verdict.signed_at == pki.NOW


@SOAP_VERSIONS
def test_the_header_must_be_understood(world, soap):
    """The Security header is marked mustUnderstand in the envelope's own SOAP version."""
    security = pki.find(_signed(world, soap), "Security")
    assert security.get(f"{{{soap}}}mustUnderstand") == "1"
    assert [etree.QName(child).localname for child in security] == [
        "Timestamp",
        "BinarySecurityToken",
        "Signature",
    ]


@SOAP_VERSIONS
@pytest.mark.parametrize("who", [pki.SENDER, pki.JAVA])
def test_another_implementation_verifies_ours(world, soap, who):
    """Zeep with python-xmlsec accepts the bus's envelopes and refuses changed ones."""
    envelope = _signed(world, soap, who)
    key = zeep_signature._make_verify_key(_pems(world.own[who])[1])
    zeep_signature._verify_envelope_with_key(envelope, key)
    pki.find(envelope, "recipient").text = "Bộ C"
    with pytest.raises(zeep_signature.SignatureVerificationFailed):
        zeep_signature._verify_envelope_with_key(envelope, key)


@pytest.mark.parametrize("binary", [True, False])
def test_zeep_envelopes_verify(world, binary):
    """Zeep's BinarySignature (token) and Signature (X509Data) are understood."""
    key, certificate = _pems(world.own[pki.JAVA])
    envelope = pki.envelope()
    _add_timestamp(envelope, pki.SOAP11)
    sign = (
        zeep_signature._sign_envelope_with_key_binary
        if binary
        else zeep_signature._sign_envelope_with_key
    )
    sign(
        envelope,
        zeep_signature._make_sign_key(key, certificate, None),
        xmlsec.Transform.RSA_SHA256,
        xmlsec.Transform.SHA256,
    )
    verdict = world.keyring.verify_envelope(pki.reparsed(envelope))
    assert (verdict.intact, verdict.cause, verdict.signer) == (True, None, pki.JAVA)


def test_zeep_envelopes_with_sha1_are_refused(world):
    """SHA-1 over a SOAP message is never accepted, whoever signs."""
    key, certificate = _pems(world.own[pki.JAVA])
    envelope = pki.envelope()
    _add_timestamp(envelope, pki.SOAP11)
    signing = zeep_signature._make_sign_key(key, certificate, None)
    zeep_signature._sign_envelope_with_key_binary(
        envelope, signing, xmlsec.Transform.RSA_SHA256, xmlsec.Transform.SHA1
    )
    assert world.keyring.verify_envelope(pki.reparsed(envelope)).cause == "SIG-008"


@pytest.mark.parametrize("prefix_list", [None, "s", "s x", "#default s unknown"])
def test_plain_ids_and_inclusive_prefixes_verify(world, prefix_list):
    """Plain `Id` attributes and InclusiveNamespaces, as Java and npm send them, verify."""
    verdict = world.keyring.verify_envelope(
        _npm_style(world.own[pki.SENDER], prefix_list=prefix_list)
    )
    assert (verdict.intact, verdict.cause) == (True, None)


def test_further_signed_parts_are_tolerated(world):
    """A partner may sign its token as well; Body and Timestamp still decide."""
    envelope = _signed(world)
    security = pki.find(envelope, "Security")
    old, token = pki.find(security, "Signature"), pki.find(security, "BinarySecurityToken")
    key_info = pki.find(old, "KeyInfo")
    security.remove(old)
    signed = [pki.find(envelope, name) for name in ("Timestamp", "Body")]
    parts = [("#" + one.get(names.WSU_ID), one) for one in (token, *signed)]
    security.append(pki.signed_parts(parts, world.own[pki.SENDER], key_info))
    assert world.keyring.verify_envelope(pki.reparsed(envelope)).coverage is Coverage.SOAP_BODY


def test_unsigned_envelopes_have_no_verdict(world):
    """Without Security, or with a Security that holds no signature, there is none."""
    assert world.keyring.verify_envelope(pki.envelope()) is None
    envelope = pki.envelope()
    _add_timestamp(envelope, pki.SOAP11)
    assert world.keyring.verify_envelope(envelope) is None


def test_security_for_somebody_else_is_left_alone(world):
    """A header addressed to another actor is not the bus's to judge."""
    envelope = _signed(world)
    pki.find(envelope, "Security").set(f"{{{pki.SOAP11}}}actor", "urn:other")
    assert world.keyring.verify_envelope(envelope) is None


@pytest.mark.parametrize(
    ("offset_s", "cause"),
    [(0, None), (359, None), (361, "SIG-010"), (-59, None), (-61, "SIG-010"), (86400, "SIG-010")],
)
def test_the_timestamp_must_be_inside_the_window(world, offset_s, cause):
    """Five minutes of age and one of clock skew pass, no more, in either direction."""
    envelope = _signed(world)
    world.clock.at = pki.NOW + timedelta(seconds=offset_s)
    assert world.keyring.verify_envelope(envelope).cause == cause


@settings(deadline=None, max_examples=60)
@given(
    age_s=st.floats(-400, 400),
    ttl_s=st.floats(1, 2000),
    window_s=st.floats(1, 400),
    skew_s=st.floats(0, 120),
)
def test_the_end_of_a_timestamp_is_the_last_instant_it_is_accepted(age_s, ttl_s, window_s, skew_s):
    """What is remembered until `fresh_until` is never accepted after it, whatever is configured."""
    world = pki.world()
    limits = TrustSettings(timestamp_window_s=window_s, clock_skew_s=skew_s)
    keyring = Keyring(world.roster, world.clock, limits)
    signed = wssecurity.sign_envelope(
        pki.envelope(), world.own[pki.SENDER], pki.NOW - timedelta(seconds=age_s), ttl_s=ttl_s
    )
    verdict = keyring.verify_envelope(etree.fromstring(signed))
    assert (verdict.cause is None) == (verdict.fresh_until is not None)
    if verdict.fresh_until is None:
        return
    assert verdict.fresh_until >= pki.NOW
    world.clock.at = verdict.fresh_until + timedelta(microseconds=1)
    assert keyring.verify_envelope(etree.fromstring(signed)).cause == "SIG-010"
    world.clock.at = verdict.fresh_until - timedelta(microseconds=1)
    if world.clock.at >= pki.NOW:
        assert keyring.verify_envelope(etree.fromstring(signed)).cause is None


def test_far_expiry_is_no_obstacle(world):
    """A sender who lets its messages live to the end of time is held to the window."""
    envelope = _npm_style(world.own[pki.SENDER], expires="9999-12-31T23:59:59.999999Z")
    verdict = world.keyring.verify_envelope(envelope)
    assert verdict.fresh_until == pki.NOW + timedelta(seconds=360)


def test_expiry_named_by_the_sender_is_kept(world):
    """A message that its sender let expire earlier is refused earlier."""
    envelope = pki.envelope()
    signed = wssecurity.sign_envelope(envelope, world.own[pki.SENDER], pki.NOW, ttl_s=10)
    world.clock.at = pki.NOW + timedelta(seconds=69)
    assert world.keyring.verify_envelope(etree.fromstring(signed)).cause is None
    world.clock.at = pki.NOW + timedelta(seconds=71)
    assert world.keyring.verify_envelope(etree.fromstring(signed)).cause == "SIG-010"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2025-10-20T03:00:00Z", datetime(2025, 10, 20, 3, tzinfo=UTC)),
        ("2025-10-20T10:00:00.123456789+07:00", datetime(2025, 10, 20, 3, 0, 0, 123456, UTC)),
        (" 2025-10-20T03:00:00 ", datetime(2025, 10, 20, 3, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_xml_writes_them(text, instant):
    """Zones, long fractions and missing zones are read as xs:dateTime, in UTC."""
    timestamp = etree.Element(names.TIMESTAMP)
    etree.SubElement(timestamp, f"{{{names.WSU}}}Created").text = text
    assert wssecurity._instant(timestamp, "Created") == instant


@pytest.mark.parametrize(
    "text",
    ["", "20251020T030000", "2025-13-20T03:00:00Z", "0001-01-01T00:00:00+14:00", "2025-10-20"],
)
def test_times_that_are_none_are_unreadable(text):
    """What is no xs:dateTime is refused, never guessed."""
    timestamp = etree.Element(names.TIMESTAMP)
    etree.SubElement(timestamp, f"{{{names.WSU}}}Created").text = text
    with pytest.raises(wssecurity.SignatureRejected) as refused:
        wssecurity._instant(timestamp, "Created")
    assert refused.value.code == "SIG-011"


@pytest.mark.parametrize(("who", "cause"), [(pki.EXPIRED, "SIG-006"), (pki.REVOKED, "SIG-007")])
def test_certificates_out_of_force_are_named(world, who, cause):
    """Expired and revoked certificates refuse the call by name."""
    verdict = world.keyring.verify_envelope(_signed(world, who=who))
    assert (verdict.intact, verdict.trusted, verdict.cause) == (True, False, cause)


def test_the_signer_of_the_bus_signs_bytes(world):
    """BusSigner gives bytes back that keep everything but the new header."""
    signer = BusSigner(world.own[pki.OTHER], world.clock)
    text = b"<!-- a -->" + etree.tostring(pki.envelope())
    signed = signer.sign_envelope(text)
    assert world.keyring.verify_envelope(etree.fromstring(signed)).signer == pki.OTHER
    assert b"<!-- a -->" in signed
    assert signer.sign_document(pki.document()) != pki.document()
    assert world.keyring.verify_document(signer.sign_element(b"<r/>")).trusted


def test_an_envelope_is_signed_once_and_has_a_body(world):
    """Signing twice, or without Body, is a defect of the caller."""
    with pytest.raises(Defect):
        wssecurity.sign_envelope(_signed(world), world.own[pki.SENDER], pki.NOW)
    with pytest.raises(Defect):
        wssecurity.sign_envelope(etree.fromstring("<a/>"), world.own[pki.SENDER], pki.NOW)


def test_an_existing_body_id_is_kept(world):
    """An Id that the Body already has is the one that is signed."""
    envelope = pki.envelope()
    envelope.find(f"{{{pki.SOAP11}}}Body").set(names.WSU_ID, "mine")
    signed = wssecurity.sign_envelope(envelope, world.own[pki.SENDER], pki.NOW)
    assert b'URI="#mine"' in signed
    assert world.keyring.verify_envelope(etree.fromstring(signed)).intact is True


def test_a_signed_document_travels_inside_a_signed_envelope(world):
    """The document's own signature in the Body does not disturb the message's, nor the reverse."""
    signer = BusSigner(world.own[pki.SENDER], world.clock)
    document = signer.sign_document(pki.document())
    root = etree.fromstring(document)
    body = f'<t:SendDocument xmlns:t="urn:lienthong:exchange:1">{etree.tostring(root).decode()}</t:SendDocument>'
    envelope = etree.fromstring(signer.sign_envelope(etree.tostring(pki.envelope(body=body))))
    assert world.keyring.verify_envelope(envelope).intact is True
    carried = pki.find(envelope, "edXML")
    taken = etree.tostring(carried, method="c14n", exclusive=True, with_comments=False)
    assert world.keyring.verify_document(taken).intact is True
