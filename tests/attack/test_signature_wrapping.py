"""Attacks on document signatures: every mutant is refused, with the cause that fits."""

from __future__ import annotations

import base64
import hashlib
import hmac
from copy import deepcopy

import pytest
from lxml import etree

from bus.errors import SignatureRejected
from bus.model import Caller
from bus.trust import names, policy, xmldsig
from tests.support import pki

SENDER_KEY = pki.pairs()[0][pki.SENDER]
SIGNED = xmldsig.sign_document(pki.document(), SENDER_KEY)
Q = f"{{{pki.QCVN}}}"


def _resign(root):
    pki.Resigner(SENDER_KEY).resign(pki.find(root, "Signature"))


def changed_text(root):
    """A field says something else."""
    pki.find(root, "Subject").text = "Kẻ gian"


def changed_attachment(root):
    """An attachment is exchanged."""
    pki.find(root, "Attachment").text = "QUJD"


def added_recipient(root):
    """A recipient is added."""
    to = pki.find(root, "To")
    to.addnext(deepcopy(to))


def added_trace(root):
    """A hop is written into the signed document."""
    etree.SubElement(pki.find(root, "TraceHeaderList"), Q + "TraceHeader")


def added_instruction(root):
    """A processing instruction splits a text."""
    pki.find(root, "OrganId").append(etree.ProcessingInstruction("x", "y"))


def wrapped_document(root):
    """The signed document becomes part of another one that the bus would read."""
    old = deepcopy(root)
    root[:] = [etree.SubElement(root, Q + "edXMLEnvelope")]
    header = etree.SubElement(root[0], Q + "edXMLHeader")
    etree.SubElement(header, Q + "From").text = "Kẻ gian"
    etree.SubElement(root, "{urn:x}Kept").append(old)


def wrapped_signature_in_place(root):
    """The same, with the signature where the bus expects it and the document put aside."""
    signature = pki.find(root, "Signature")
    old = deepcopy(root)
    root[:] = [etree.SubElement(root, Q + "edXMLEnvelope")]
    header = etree.SubElement(root[0], Q + "edXMLHeader")
    etree.SubElement(header, Q + "From").text = "Kẻ gian"
    inner = pki.find(old, "Signature")
    inner.getparent().remove(inner)
    header.append(signature)
    etree.SubElement(root, "{urn:x}Kept").append(old)


def signature_in_body(root):
    """The signature moves to the manifest."""
    pki.find(root, "edXMLBody").append(pki.find(root, "Signature"))


def signature_at_the_end(root):
    """The signature moves to the end of the document."""
    root.append(pki.find(root, "Signature"))


def second_signature(root):
    """A second signature stands next to the first."""
    signature = pki.find(root, "Signature")
    signature.addnext(deepcopy(signature))


def second_signature_elsewhere(root):
    """Another agency's right signature hides in an attachment."""
    other = xmldsig.sign_element(b"<a/>", pki.pairs()[0][pki.OTHER])
    pki.find(root, "Attachment").append(etree.fromstring(other))


def reference_to_a_part(root):
    """Only the header is referred to, and that is signed by the true key."""
    pki.find(root, "MessageHeader").set("Id", "part")
    pki.find(root, "Reference").set("URI", "#part")
    _resign(root)


def reference_to_an_empty_part(root):
    """The signature refers to a harmless element of the attacker."""
    pki.find(root, "Reference").set("URI", "#x")


def reference_elsewhere(root):
    """The signature refers to an address."""
    pki.find(root, "Reference").set("URI", "http://127.0.0.1/doc.xml")


def reference_by_xpointer(root):
    """The signature refers by XPointer."""
    pki.find(root, "Reference").set("URI", "#xpointer(/)")


def no_reference(root):
    """SignedInfo lists nothing and is signed."""
    reference = pki.find(root, "Reference")
    reference.getparent().remove(reference)
    _resign(root)


def two_references(root):
    """SignedInfo lists the document and something else."""
    reference = pki.find(root, "Reference")
    reference.addnext(deepcopy(reference))
    _resign(root)


def nameless_reference(root):
    """The reference has no URI."""
    del pki.find(root, "Reference").attrib["URI"]


def transforms(*uris, body=""):
    """The transforms are exchanged and that is signed by the true key."""

    def change(root):
        node = pki.find(root, "Transforms")
        node[:] = []
        for uri in uris:
            one = etree.SubElement(node, f"{{{pki.DS}}}Transform", Algorithm=uri)
            if body:
                one.append(etree.fromstring(body))
        _resign(root)

    return change


XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
XPATH_BODY = f'<d:XPath xmlns:d="{pki.DS}">not(ancestor-or-self::To)</d:XPath>'
XSLT_BODY = '<x:stylesheet xmlns:x="http://www.w3.org/1999/XSL/Transform" version="1.0"/>'


def method(uri):
    """SignatureMethod is replaced."""

    def change(root):
        pki.find(root, "SignatureMethod").set("Algorithm", uri)

    return change


def digest_method(uri):
    """DigestMethod is replaced, and signed by the true key."""

    def change(root):
        pki.find(root, "DigestMethod").set("Algorithm", uri)
        _resign(root)

    return change


def hmac_with_public_key(root):
    """HMAC with the public certificate as its secret (algorithm confusion)."""
    method("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")(root)
    info = etree.tostring(pki.find(root, "SignedInfo"), method="c14n", exclusive=True)
    value = hmac.new(SENDER_KEY.certificate_der, info, hashlib.sha256).digest()
    pki.find(root, "SignatureValue").text = base64.b64encode(value).decode()


def consistent_digest(root):
    """Content and digest are changed together."""
    changed_text(root)
    pki.find(root, "DigestValue").text = base64.b64encode(b"0" * 32).decode()


def truncated_digest(root):
    """The digest is cut to one byte."""
    pki.find(root, "DigestValue").text = "AA=="


def truncated_digest_signed(root):
    """The digest is cut to one byte, the right one, and signed by the true key."""
    whole = base64.b64decode(pki.find(root, "DigestValue").text)
    pki.find(root, "DigestValue").text = base64.b64encode(whole[:1]).decode()
    _resign(root)


def empty_digest_signed(root):
    """The digest is empty and signed by the true key."""
    pki.find(root, "DigestValue").text = ""
    _resign(root)


def certificate(own):
    """KeyInfo names somebody else's certificate."""

    def change(root):
        text = base64.b64encode(own.certificate_der).decode()
        pki.find(root, "X509Certificate").text = text

    return change


def key_value_swap(root):
    """KeyInfo offers the attacker's key next to the sender's certificate; he signed."""
    stranger = pki.pairs()[1]
    changed_text(root)
    signed = etree.fromstring(xmldsig.sign_document(pki.document(), stranger))
    theirs, ours = pki.find(signed, "Signature"), pki.find(root, "Signature")
    pki.find(theirs, "X509Certificate").text = pki.find(ours, "X509Certificate").text
    value = etree.SubElement(pki.find(theirs, "KeyInfo"), f"{{{pki.DS}}}KeyValue")
    etree.SubElement(value, f"{{{pki.DS}}}RSAKeyValue")
    ours.getparent().replace(ours, theirs)


def signed_by(own):
    """The same content, signed anew by somebody else."""

    def change(root):
        ours = pki.find(root, "Signature")
        signed = etree.fromstring(xmldsig.sign_document(pki.document(), own))
        ours.getparent().replace(ours, pki.find(signed, "Signature"))

    return change


def extra_object(root):
    """Unsigned content rides in a ds:Object."""
    etree.SubElement(pki.find(root, "Signature"), f"{{{pki.DS}}}Object").text = "Kẻ gian"


def recipient_in_key_info(root):
    """KeyInfo, which nothing signs, carries a recipient; readers that search by name find it."""
    etree.SubElement(pki.find(root, "KeyInfo"), f"{{{names.QCVN}}}To").text = "G22"


def no_key_info(root):
    """KeyInfo is gone."""
    node = pki.find(root, "KeyInfo")
    node.getparent().remove(node)


def no_certificate(root):
    """X509Data is empty."""
    pki.find(root, "X509Data")[:] = []


def garbage_certificate(root):
    """The certificate is base64 of something else."""
    pki.find(root, "X509Certificate").text = base64.b64encode(b"hello world").decode()


def not_base64(root):
    """SignatureValue is not base64."""
    pki.find(root, "SignatureValue").text = "Kẻ gian"


def no_signed_info(root):
    """SignedInfo is gone."""
    node = pki.find(root, "SignedInfo")
    node.getparent().remove(node)


def hollow_signed_info(root):
    """SignedInfo is empty."""
    pki.find(root, "SignedInfo")[:] = []


def many_references(root):
    """SignedInfo lists thousands of references to burn time."""
    reference = pki.find(root, "Reference")
    for _ in range(2000):
        reference.addnext(deepcopy(reference))


OWN, STRANGER = pki.pairs()
MUTANTS = [
    (changed_text, "SIG-002"),
    (changed_attachment, "SIG-002"),
    (added_recipient, "SIG-002"),
    (added_trace, "SIG-002"),
    (added_instruction, "SIG-002"),
    (wrapped_document, "SIG-008"),
    (wrapped_signature_in_place, "SIG-002"),
    (signature_in_body, "SIG-008"),
    (signature_at_the_end, "SIG-008"),
    (second_signature, "SIG-008"),
    (second_signature_elsewhere, "SIG-008"),
    (reference_to_a_part, "SIG-004"),
    (reference_to_an_empty_part, "SIG-004"),
    (reference_elsewhere, "SIG-004"),
    (reference_by_xpointer, "SIG-004"),
    (no_reference, "SIG-004"),
    (two_references, "SIG-004"),
    (nameless_reference, "SIG-004"),
    (transforms(), "SIG-008"),
    (transforms(names.EXCLUSIVE), "SIG-008"),
    (transforms(names.EXCLUSIVE, names.ENVELOPED), "SIG-008"),
    (transforms(names.ENVELOPED, XPATH, names.EXCLUSIVE), "SIG-008"),
    (transforms(names.ENVELOPED, XSLT, names.EXCLUSIVE), "SIG-008"),
    (transforms(XPATH, body=XPATH_BODY), "SIG-008"),
    (transforms(XSLT, body=XSLT_BODY), "SIG-008"),
    (transforms(names.ENVELOPED, pki.DS + "base64"), "SIG-008"),
    (transforms(names.ENVELOPED, names.EXCLUSIVE + "WithComments"), "SIG-008"),
    (method("none"), "SIG-008"),
    (method(""), "SIG-008"),
    (method("http://www.w3.org/2009/xmldsig11#dsa-sha256"), "SIG-008"),
    (method("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"), "SIG-003"),
    (method("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"), "SIG-003"),
    (method(pki.DS + "hmac-sha1"), "SIG-008"),
    (digest_method("http://www.w3.org/2001/04/xmldsig-more#md5"), "SIG-008"),
    (digest_method("http://www.w3.org/2001/04/xmlenc#sha512"), "SIG-002"),
    (hmac_with_public_key, "SIG-008"),
    (consistent_digest, "SIG-003"),
    (truncated_digest, "SIG-003"),
    (truncated_digest_signed, "SIG-002"),
    (empty_digest_signed, "SIG-011"),
    (certificate(OWN[pki.OTHER]), "SIG-003"),
    (certificate(OWN[pki.JAVA]), "SIG-003"),
    (certificate(STRANGER), "SIG-005"),
    (key_value_swap, "SIG-003"),
    (signed_by(OWN[pki.EXPIRED]), "SIG-006"),
    (signed_by(OWN[pki.REVOKED]), "SIG-007"),
    (signed_by(STRANGER), "SIG-005"),
    (extra_object, "SIG-008"),
    (recipient_in_key_info, "SIG-008"),
    (no_key_info, "SIG-011"),
    (no_certificate, "SIG-011"),
    (garbage_certificate, "SIG-011"),
    (not_base64, "SIG-011"),
    (no_signed_info, "SIG-011"),
    (hollow_signed_info, "SIG-011"),
    (many_references, "SIG-011"),
]


@pytest.mark.parametrize(
    ("mutate", "cause"), MUTANTS, ids=[f"{i}-{m.__name__}" for i, (m, _) in enumerate(MUTANTS)]
)
def test_every_mutant_is_refused_with_its_cause(mutate, cause):
    """No rearrangement of a signed document passes, and each is told what is wrong with it."""
    world = pki.world()
    verdict = world.keyring.verify_document(pki.edited(SIGNED, mutate))
    assert verdict.cause == cause
    assert not (verdict.intact and verdict.trusted)
    assert "Kẻ gian" not in verdict.detail
    with pytest.raises(SignatureRejected) as refused:
        policy.judge(pki.agency(), Caller(), verdict, pki.NOW.date())
    assert refused.value.code == cause


def test_a_broken_signature_is_refused_even_when_the_transport_is_enough():
    """An authenticated caller cannot smuggle a document whose own signature is broken."""
    world = pki.world()
    verdict = world.keyring.verify_document(pki.edited(SIGNED, changed_text))
    agency = pki.agency(mode=policy.PolicyMode.TOKEN, allow_legacy_signature=True)
    caller = Caller(agency=pki.SENDER, method=policy.CallerMethod.TOKEN)
    with pytest.raises(SignatureRejected) as refused:
        policy.judge(agency, caller, verdict, pki.NOW.date())
    assert refused.value.code == "SIG-002"


def test_another_agencys_signature_does_not_make_it_the_sender():
    """A right signature of somebody else is no proof for the sender."""
    world = pki.world()
    signed = xmldsig.sign_document(pki.document(), OWN[pki.OTHER])
    verdict = world.keyring.verify_document(signed)
    assert verdict.intact is True
    with pytest.raises(policy.NotAuthorised) as refused:
        policy.judge(pki.agency(pki.SENDER), Caller(), verdict, pki.NOW.date())
    assert refused.value.code == "AUT-002"


def test_comments_neither_break_nor_bend_a_signed_text():
    """A comment inside a signed text leaves the text the bus reads whole, as it was signed."""
    world = pki.world()
    assert SIGNED.count(b"<e:OrganId>000.00.00.G22</e:OrganId>") == 1
    split = SIGNED.replace(b">000.00.00.G22<", b">000.00.00.G2<!---->2<")
    assert world.keyring.verify_document(split).intact is True
    from bus.trust import parser

    texts = [one.text for one in parser.read(split).iter(Q + "OrganId")]
    assert texts == [pki.SENDER, pki.OTHER]


def test_a_comment_in_the_digest_or_value_changes_nothing():
    """Comments inside the signature are dropped before it is read, never half read."""
    world = pki.world()
    value = pki.find(etree.fromstring(SIGNED), "SignatureValue").text.encode()
    split = SIGNED.replace(value, value[:10] + b"<!-- x -->" + value[10:])
    assert world.keyring.verify_document(split).intact is True
