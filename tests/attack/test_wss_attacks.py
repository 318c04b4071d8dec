"""Attacks on WS-Security: every mutant is refused, with the cause that fits."""

from __future__ import annotations

import base64
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from bus.errors import SignatureRejected
from bus.trust import names, wssecurity
from tests.support import pki

EVIL = '<x:Ping xmlns:x="urn:lienthong:exchange:1"><x:recipient>Kẻ gian</x:recipient></x:Ping>'
S = f"{{{pki.SOAP11}}}"


def _signed(who: str = pki.SENDER) -> etree._Element:
    envelope = pki.envelope()
    return etree.fromstring(wssecurity.sign_envelope(envelope, pki.pairs()[0][who], pki.NOW))


def _resigned(
    envelope: etree._Element, *targets: etree._Element, uris: list[str] | None = None
) -> None:
    """Sign exactly these elements with the sender's own key (an insider, or a poor library)."""
    security = pki.find(envelope, "Security")
    old = pki.find(security, "Signature")
    key_info = pki.find(old, "KeyInfo")
    security.remove(old)
    named = uris or ["#" + one.get(names.WSU_ID) for one in targets]
    parts = list(zip(named, targets, strict=True))
    security.append(pki.signed_parts(parts, pki.pairs()[0][pki.SENDER], key_info))


def _evil_body(identifier: str | None = None) -> etree._Element:
    body = etree.Element(S + "Body")
    body.append(etree.fromstring(EVIL))
    if identifier:
        body.set(names.WSU_ID, identifier)
    return body


def moved_body(e):
    """The signed Body moves into a header block, another takes its place."""
    body = e.find(S + "Body")
    wrapper = etree.SubElement(e.find(S + "Header"), "{urn:x}Wrapper")
    wrapper.append(body)
    e.append(_evil_body())


def moved_body_same_id(e):
    """As before, and the false Body has the true one's Id."""
    body = e.find(S + "Body")
    etree.SubElement(e.find(S + "Header"), "{urn:x}Wrapper").append(body)
    e.append(_evil_body(body.get(names.WSU_ID)))


def moved_body_other_spelling(e):
    """The false Body repeats the Id in another spelling of the attribute."""
    body = e.find(S + "Body")
    etree.SubElement(e.find(S + "Header"), "{urn:x}Wrapper").append(body)
    false = _evil_body()
    false.set("ID", body.get(names.WSU_ID))
    e.append(false)


def body_behind_body(e):
    """A second Body stands behind the signed one."""
    e.append(_evil_body())


def body_before_body(e):
    """A second Body stands before the signed one."""
    e.insert(1, _evil_body())


def body_in_body(e):
    """The signed Body is wrapped by a false Body."""
    body = e.find(S + "Body")
    false = _evil_body()
    e.replace(body, false)
    false.append(body)


def body_in_signature(e):
    """The signed Body hides in a ds:Object of the signature."""
    body = e.find(S + "Body")
    etree.SubElement(
        pki.find(e, "Signature"), names.SIGNATURE.replace("Signature", "Object")
    ).append(body)
    e.append(_evil_body())


def moved_timestamp(e):
    """The signed Timestamp is put aside for a fresher one."""
    security, timestamp = pki.find(e, "Security"), pki.find(e, "Timestamp")
    fresh = deepcopy(timestamp)
    del fresh.attrib[names.WSU_ID]
    security.replace(timestamp, fresh)
    etree.SubElement(e.find(S + "Header"), "{urn:x}Wrapper").append(timestamp)


def two_timestamps(e):
    """A second Timestamp stands next to the signed one."""
    security = pki.find(e, "Security")
    extra = deepcopy(pki.find(e, "Timestamp"))
    del extra.attrib[names.WSU_ID]
    security.append(extra)


def timestamp_only(e):
    """Only the Timestamp is signed, with the true key."""
    _resigned(e, pki.find(e, "Timestamp"))


def body_only(e):
    """Only the Body is signed: the call could be repeated for ever."""
    _resigned(e, e.find(S + "Body"))


def child_of_body(e):
    """Not the Body but its child is signed."""
    child = e.find(S + "Body")[0]
    child.set(names.WSU_ID, "child")
    _resigned(e, child, pki.find(e, "Timestamp"))


def whole_message_reference(e):
    """A reference with URI="" stands for everything and nothing."""
    _resigned(e, e.find(S + "Body"), pki.find(e, "Timestamp"), uris=["", "#t"])


def no_references(e):
    """SignedInfo lists nothing, and is signed."""
    _resigned(e)


def nameless_reference(e):
    """A Reference has no URI."""
    for reference in pki.find(e, "SignedInfo").findall(f"{{{pki.DS}}}Reference"):
        del reference.attrib["URI"]


def dangling_reference(e):
    """What a reference names is not there any more."""
    pki.find(e, "Timestamp").attrib.pop(names.WSU_ID)


def no_timestamp(e):
    """The Timestamp is taken away and nothing refers to it."""
    timestamp = pki.find(e, "Timestamp")
    timestamp.getparent().remove(timestamp)
    _resigned(e, e.find(S + "Body"))


def changed_body(e):
    """The Body says something else."""
    pki.find(e, "recipient").text = "Kẻ gian"


def changed_time(e):
    """The Timestamp was refreshed."""
    pki.find(e, "Created").text = "2025-10-20T03:00:01Z"


def renamed_operation(e):
    """The operation element has another namespace."""
    pki.find(e, "Ping").tag = "{urn:other}Ping"


def changed_digest(e):
    """The digest was changed along with the content."""
    pki.find(e, "recipient").text = "Kẻ gian"
    pki.find(e, "DigestValue").text = base64.b64encode(b"0" * 32).decode()


def truncated_digest(e):
    """The digest was cut to its first byte and signed by nobody."""
    pki.find(e, "DigestValue").text = "AA=="


def other_certificate(e):
    """The token is another agency's certificate."""
    der = pki.pairs()[0][pki.OTHER].certificate_der
    pki.find(e, "BinarySecurityToken").text = base64.b64encode(der).decode()


def other_kind_of_certificate(e):
    """The token is another agency's RSA certificate for an EC signature."""
    der = pki.pairs()[0][pki.JAVA].certificate_der
    pki.find(e, "BinarySecurityToken").text = base64.b64encode(der).decode()


def unknown_certificate(e):
    """The token is a certificate nobody bound, and the signature is right."""
    stranger = pki.pairs()[1]
    fresh = pki.envelope()
    fresh = etree.fromstring(wssecurity.sign_envelope(fresh, stranger, pki.NOW))
    e[:] = fresh[:]


def garbage_certificate(e):
    """The token is base64 but no certificate."""
    pki.find(e, "BinarySecurityToken").text = "AAAA"


def empty_certificate(e):
    """The token is empty."""
    pki.find(e, "BinarySecurityToken").text = ""


def no_key_reference(e):
    """KeyInfo names nothing."""
    pki.find(e, "KeyInfo")[:] = []


def token_elsewhere(e):
    """The token stands outside Security."""
    e.find(S + "Header").append(pki.find(e, "BinarySecurityToken"))


def token_twice(e):
    """Two tokens share one Id."""
    token = pki.find(e, "BinarySecurityToken")
    token.addnext(deepcopy(token))


def no_key_info(e):
    """The signature has no KeyInfo."""
    key_info = pki.find(e, "KeyInfo")
    key_info.getparent().remove(key_info)


def empty_value(e):
    """SignatureValue is empty."""
    pki.find(e, "SignatureValue").text = None


def short_value(e):
    """SignatureValue is one byte."""
    pki.find(e, "SignatureValue").text = "AA=="


def second_signature(e):
    """Security holds a second signature."""
    signature = pki.find(e, "Signature")
    signature.addnext(deepcopy(signature))


def second_security(e):
    """A second Security header for the bus."""
    security = pki.find(e, "Security")
    security.addnext(deepcopy(security))


def security_in_body(e):
    """Security stands in the Body."""
    e.find(S + "Body").append(pki.find(e, "Security"))


def second_header(e):
    """A second Header."""
    e.insert(0, etree.Element(S + "Header"))


def algorithm(uri):
    """SignatureMethod is replaced."""

    def change(e):
        pki.find(e, "SignatureMethod").set("Algorithm", uri)

    return change


def hmac_with_public_key(e):
    """HMAC with the public certificate as its secret (algorithm confusion)."""
    import hashlib
    import hmac

    pki.find(e, "SignatureMethod").set(
        "Algorithm", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
    )
    info = etree.tostring(pki.find(e, "SignedInfo"), method="c14n", exclusive=True)
    secret = pki.pairs()[0][pki.SENDER].certificate_der
    value = hmac.new(secret, info, hashlib.sha256).digest()
    pki.find(e, "SignatureValue").text = base64.b64encode(value).decode()


def transform(uri):
    """A reference is transformed in another way, and signed so by the true key."""

    def change(e):
        pki.find(e, "Transform").set("Algorithm", uri)
        pki.Resigner(pki.pairs()[0][pki.SENDER]).resign(pki.find(e, "Signature"))

    return change


def extra_transform(e):
    """A second transform that libraries skip silently."""
    transforms = pki.find(e, "Transforms")
    etree.SubElement(
        transforms,
        f"{{{pki.DS}}}Transform",
        Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116",
    )
    pki.Resigner(pki.pairs()[0][pki.SENDER]).resign(pki.find(e, "Signature"))


def output_length(e):
    """SignatureMethod carries a parameter."""
    etree.SubElement(pki.find(e, "SignatureMethod"), f"{{{pki.DS}}}HMACOutputLength").text = "1"


def instruction_in_signature(e):
    """A processing instruction splits a value."""
    pki.find(e, "DigestValue").append(etree.ProcessingInstruction("x", "y"))


MUTANTS = [
    (moved_body, "SIG-004"),
    (moved_body_same_id, "SIG-004"),
    (moved_body_other_spelling, "SIG-004"),
    (body_behind_body, "SIG-008"),
    (body_before_body, "SIG-008"),
    (body_in_body, "SIG-004"),
    (body_in_signature, "SIG-008"),
    (moved_timestamp, "SIG-004"),
    (two_timestamps, "SIG-008"),
    (timestamp_only, "SIG-004"),
    (body_only, "SIG-004"),
    (child_of_body, "SIG-004"),
    (whole_message_reference, "SIG-004"),
    (no_references, "SIG-004"),
    (nameless_reference, "SIG-004"),
    (dangling_reference, "SIG-004"),
    (no_timestamp, "SIG-004"),
    (changed_body, "SIG-002"),
    (changed_time, "SIG-002"),
    (renamed_operation, "SIG-002"),
    (changed_digest, "SIG-003"),
    (truncated_digest, "SIG-003"),
    (other_certificate, "SIG-003"),
    (other_kind_of_certificate, "SIG-003"),
    (unknown_certificate, "SIG-005"),
    (garbage_certificate, "SIG-011"),
    (empty_certificate, "SIG-011"),
    (no_key_reference, "SIG-011"),
    (token_elsewhere, "SIG-011"),
    (token_twice, "SIG-004"),
    (no_key_info, "SIG-011"),
    (empty_value, "SIG-011"),
    (short_value, "SIG-003"),
    (second_signature, "SIG-008"),
    (second_security, "SIG-008"),
    (security_in_body, "SIG-008"),
    (second_header, "SIG-008"),
    (algorithm("none"), "SIG-008"),
    (algorithm(""), "SIG-008"),
    (algorithm(pki.DS + "rsa-sha1"), "SIG-008"),
    (algorithm("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"), "SIG-003"),
    (hmac_with_public_key, "SIG-008"),
    (transform("http://www.w3.org/TR/1999/REC-xslt-19991116"), "SIG-008"),
    (transform("http://www.w3.org/TR/1999/REC-xpath-19991116"), "SIG-008"),
    (transform("http://www.w3.org/2000/09/xmldsig#base64"), "SIG-008"),
    (transform(names.ENVELOPED), "SIG-008"),
    (transform(names.INCLUSIVE_10), "SIG-008"),
    (extra_transform, "SIG-008"),
    (output_length, "SIG-008"),
    (instruction_in_signature, "SIG-011"),
]


@pytest.mark.parametrize(
    ("mutate", "cause"), MUTANTS, ids=[f"{i}-{m.__name__}" for i, (m, _) in enumerate(MUTANTS)]
)
def test_every_mutant_is_refused_with_its_cause(mutate, cause):
    """No rearrangement of a signed message passes, and each is told what is wrong with it."""
    world, envelope = pki.world(), _signed()
    mutate(envelope)
    for form in (envelope, pki.reparsed(envelope)):
        verdict = world.keyring.verify_envelope(form)
        assert verdict.cause == cause
        assert not (verdict.intact and verdict.trusted)
        assert "Kẻ gian" not in verdict.detail
        with pytest.raises(SignatureRejected) as refused:
            world.keyring.authenticate(form)
        assert refused.value.code == cause


def test_a_security_header_for_nobody_leaves_the_call_unsigned():
    """Addressing the signature to somebody else gains a caller nothing."""
    world, envelope = pki.world(), _signed()
    pki.find(envelope, "Security").set(S + "actor", "urn:nobody")
    assert world.keyring.authenticate(envelope).agency is None


def test_comments_in_the_body_change_nothing():
    """A comment is no content; the text around it is read whole by the bus's own parsers."""
    world, envelope = pki.world(), _signed()
    pki.find(envelope, "recipient").append(etree.Comment("x"))
    assert world.keyring.verify_envelope(pki.reparsed(envelope)).cause is None


_NODES = len(list(_signed().find(S + "Body").iter()))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, _NODES - 1), st.sampled_from(["text", "attribute", "child", "tag"]))
def test_no_change_inside_the_body_goes_unnoticed(index, how):
    """Whatever element of the Body is changed, whichever way, the content is no longer intact."""
    world, envelope = pki.world(), _signed()
    node = list(envelope.find(S + "Body").iter())[index]
    if how == "text":
        node.text = (node.text or "") + "x"
    elif how == "attribute":
        node.set("added", "x")
    elif how == "child":
        etree.SubElement(node, "added")
    else:
        node.tag = node.tag + "x"
    assert world.keyring.verify_envelope(pki.reparsed(envelope)).intact is not True
