"""Signing and verifying documents."""

from __future__ import annotations

import base64
import hashlib
import logging

import pytest
import signxml
import xmlsec
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from bus.errors import Defect, NotWellFormed
from bus.model import Coverage, LegacyDefect
from bus.trust import form, keys, names, xmldsig
from tests.support import pki

HEADER = f"{{{pki.QCVN}}}edXMLEnvelope/{{{pki.QCVN}}}edXMLHeader"


def _private_pem(own: keys.OwnKey) -> bytes:
    return own.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _oracle_verifies(xml: bytes, own: keys.OwnKey) -> None:
    root = etree.fromstring(xml)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(own.certificate_der, xmlsec.KeyFormat.CERT_DER, None)
    context.verify(pki.find(root, "Signature"))


def _oracle_signs(xml: bytes, own: keys.OwnKey, c14n: str, transforms: tuple[str, ...]) -> bytes:
    root = etree.fromstring(xml)
    rsa = not hasattr(own.key, "curve")
    signature = xmlsec.template.create(
        root,
        getattr(xmlsec.Transform, c14n),
        xmlsec.Transform.RSA_SHA256 if rsa else xmlsec.Transform.ECDSA_SHA256,
        ns="ds",
    )
    root.find(HEADER).append(signature)
    reference = xmlsec.template.add_reference(signature, xmlsec.Transform.SHA256, uri="")
    for transform in transforms:
        xmlsec.template.add_transform(reference, getattr(xmlsec.Transform, transform))
    key_info = xmlsec.template.ensure_key_info(signature)
    data = xmlsec.template.add_x509_data(key_info)
    xmlsec.template.x509_data_add_certificate(data)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(_private_pem(own), xmlsec.KeyFormat.PEM, None)
    pem = own.certificate.public_bytes(serialization.Encoding.PEM)
    context.key.load_cert_from_memory(pem, xmlsec.KeyFormat.PEM)
    context.sign(signature)
    return etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=True)


@pytest.mark.parametrize("who", [pki.SENDER, pki.JAVA])
def test_a_signed_document_is_intact_trusted_and_covered(world, who):
    """What an agency signs verifies as its own, over the whole document, with EC and RSA keys."""
    signed = xmldsig.sign_document(pki.document(), world.own[who])
    verdict = world.keyring.verify_document(signed)
    assert verdict.intact is True
    assert verdict.trusted is True
    assert verdict.cause is None
    assert verdict.legacy == ()
    assert verdict.coverage is Coverage.DOCUMENT
    assert verdict.signer == who
    assert verdict.fingerprint == world.own[who].fingerprint
    assert verdict.algorithm in names.METHODS


def test_the_signature_is_the_only_change(world):
    """Signing adds one element at the end of the header and leaves every other node alone."""
    before = pki.document(inner="<![CDATA[ ]]>")
    signed = xmldsig.sign_document(before, world.own[pki.SENDER])
    header = etree.fromstring(signed).find(HEADER)
    assert header[-1].tag == names.SIGNATURE

    parser = etree.XMLParser(strip_cdata=False)
    bare = etree.fromstring(signed, parser)
    signature = pki.find(bare, "Signature")
    assert signature.tail is None
    signature.getparent().remove(signature)
    wanted = etree.fromstring(before, parser).getroottree()
    assert etree.tostring(bare.getroottree()) == etree.tostring(wanted)


def test_signatures_keep_their_prefix_inside_documents_that_use_another(world):
    """A document that already names the xmldsig namespace differently can be signed."""
    before = pki.document().replace(b"xmlns:unused", f'xmlns:d="{pki.DS}" xmlns:unused'.encode())
    signed = xmldsig.sign_document(before, world.own[pki.SENDER])
    assert world.keyring.verify_document(signed).intact is True
    _oracle_verifies(signed, world.own[pki.SENDER])


def test_receipts_are_signed_in_their_root(world):
    """Any element gets its signature as last child of the root, and verifies."""
    signed = xmldsig.sign_element(
        b"<r:R xmlns:r='urn:r' Id='a'><r:x>1</r:x>t</r:R>", world.own[pki.OTHER]
    )
    root = etree.fromstring(signed)
    assert root[-1].tag == names.SIGNATURE
    assert next(root.iter(f"{{{pki.DS}}}Reference")).get("URI") == ""
    assert world.keyring.verify_document(signed).coverage is Coverage.DOCUMENT
    _oracle_verifies(signed, world.own[pki.OTHER])


@pytest.mark.parametrize("who", [pki.SENDER, pki.JAVA])
def test_another_implementation_verifies_ours(world, who):
    """python-xmlsec accepts what the bus signs and refuses it after a change."""
    signed = xmldsig.sign_document(pki.document(), world.own[who])
    _oracle_verifies(signed, world.own[who])
    with pytest.raises(xmlsec.Error):
        _oracle_verifies(signed.replace(b"12/SNV", b"13/SNV"), world.own[who])


@pytest.mark.parametrize("who", [pki.SENDER, pki.JAVA])
@pytest.mark.parametrize(
    ("c14n", "transforms"),
    [
        ("EXCL_C14N", ("ENVELOPED", "EXCL_C14N")),
        ("C14N", ("ENVELOPED", "C14N")),
        ("C14N11", ("ENVELOPED", "C14N11")),
        ("C14N", ("ENVELOPED", "EXCL_C14N")),
        ("EXCL_C14N", ("ENVELOPED",)),
    ],
)
def test_the_bus_verifies_another_implementation(world, who, c14n, transforms):
    """What python-xmlsec signs verifies under each accepted canonicalisation, until changed."""
    signed = _oracle_signs(pki.document(), world.own[who], c14n, transforms)
    assert world.keyring.verify_document(signed).intact is True
    assert world.keyring.verify_document(signed.replace(b"12/SNV", b"13/SNV")).cause == "SIG-002"


@pytest.mark.parametrize("transform", ["EXCL_C14N_COMMENTS", "XSLT", "XPATH"])
def test_other_transforms_are_refused(world, transform):
    """A transform that is not on the list refuses the signature, even when it computes."""
    if transform == "EXCL_C14N_COMMENTS":
        signed = _oracle_signs(
            pki.document(), world.own[pki.SENDER], "EXCL_C14N", ("ENVELOPED", transform)
        )
    else:
        uri = getattr(xmlsec.Transform, transform).href
        signed = xmldsig.sign_document(pki.document(), world.own[pki.SENDER])
        signed = signed.replace(
            f'Transform Algorithm="{names.EXCLUSIVE}'.encode(),
            f'Transform Algorithm="{uri}'.encode(),
        )
    assert world.keyring.verify_document(signed).cause == "SIG-008"


@pytest.mark.parametrize(
    ("who", "cause", "expired", "revoked"),
    [(pki.EXPIRED, "SIG-006", True, False), (pki.REVOKED, "SIG-007", False, True)],
)
def test_certificates_out_of_force_are_not_trusted(world, who, cause, expired, revoked):
    """Expired and revoked certificates leave the content intact and the verdict untrusted."""
    signed = xmldsig.sign_document(pki.document(), world.own[who])
    verdict = world.keyring.verify_document(signed)
    assert (verdict.intact, verdict.trusted) == (True, False)
    assert (verdict.cause, verdict.expired, verdict.revoked) == (cause, expired, revoked)
    assert verdict.signer == who
    changed = world.keyring.verify_document(signed.replace(b"12/SNV", b"13/SNV"))
    assert changed.cause == "SIG-002"


def test_unknown_certificates_are_not_computed(world):
    """A certificate bound to nobody proves nothing, whatever it signed."""
    signed = xmldsig.sign_document(pki.document(), world.stranger)
    verdict = world.keyring.verify_document(signed)
    assert (verdict.intact, verdict.trusted, verdict.cause) == (None, False, "SIG-005")
    assert verdict.signer is None
    assert verdict.fingerprint == world.stranger.fingerprint


def test_a_chain_next_to_the_certificate_is_tolerated(world):
    """The bound certificate is found wherever it stands in X509Data."""
    signed = xmldsig.sign_document(pki.document(), world.own[pki.SENDER])

    def chain(root):
        data = pki.find(root, "X509Data")
        first = etree.Element(f"{{{pki.DS}}}X509Certificate")
        first.text = base64.b64encode(world.stranger.certificate_der).decode()
        data.insert(0, first)

    assert world.keyring.verify_document(pki.edited(signed, chain)).intact is True


def test_unsigned_documents_have_no_verdict(world):
    """None means that there is no signature element at all."""
    assert world.keyring.verify_document(pki.document()) is None


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (b"<a>", "XML-001"),
        (b"{}", "XML-001"),
        (b"<!DOCTYPE a><a/>", "XML-002"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "XML-002"),
        (b'<?xml version="1.0" encoding="foo"?><a/>', "XML-003"),
        (b'<?xml version="1.0" encoding="UTF-8"?><a>\xff</a>', "XML-003"),
    ],
)
def test_what_cannot_be_parsed_is_no_verdict(world, xml, code):
    """Bytes that are no acceptable XML are refused as such, without quoting them."""
    with pytest.raises(NotWellFormed) as refused:
        world.keyring.verify_document(xml)
    assert refused.value.code == code
    assert refused.value.detail == ""


@pytest.mark.parametrize("xml", [b"<a/>", None])
def test_a_document_is_signed_once_and_in_its_header(world, xml):
    """No header, or a signature already there, is a defect of the caller."""
    again = xml or xmldsig.sign_document(pki.document(), world.own[pki.SENDER])
    with pytest.raises(Defect):
        xmldsig.sign_document(again, world.own[pki.SENDER])


def test_texts_beyond_ten_megabytes_are_signed_and_verified(world):
    """Attachments larger than libxml2's usual limit make no difference."""
    signed = xmldsig.sign_document(
        pki.document(attachment="QUJD" * 2_700_000), world.own[pki.SENDER]
    )
    assert world.keyring.verify_document(signed).intact is True


def test_canonical_documents_are_never_logged(world, caplog):
    """No content reaches the log, even when everything is logged."""
    caplog.set_level(logging.DEBUG)
    signed = xmldsig.sign_document(pki.document(), world.own[pki.SENDER])
    world.keyring.verify_document(signed)
    assert "Sở Nội vụ" not in caplog.text


def _sha1(world, who=pki.JAVA):
    """A document signed the old way: real namespace, RSA with SHA-1."""
    signed = xmldsig.sign_document(pki.document(), world.own[who])

    def age(root):
        signature = pki.find(root, "Signature")
        parent = signature.getparent()
        parent.remove(signature)
        digest = hashlib.sha1(
            etree.tostring(root, method="c14n", exclusive=True, with_comments=False)
        )
        parent.append(signature)
        pki.find(signature, "SignatureMethod").set("Algorithm", pki.DS + "rsa-sha1")
        pki.find(signature, "DigestMethod").set("Algorithm", pki.DS + "sha1")
        pki.find(signature, "DigestValue").text = base64.b64encode(digest.digest()).decode()
        pki.Resigner(world.own[who]).resign(signature)

    return pki.edited(signed, age)


def test_what_is_declared_is_read_from_the_bytes_the_value_covers(world):
    """Where a tree says other than its canonical form, the canonical form counts: it was signed."""
    signed = xmldsig.sign_document(pki.document(), world.own[pki.SENDER])
    # a parser that keeps comments: in the tree they cut a digest in two, in canonical form not
    digest = pki.find(etree.fromstring(signed), "DigestValue").text.encode()
    root = etree.fromstring(signed.replace(digest, digest[:8] + b"<!-- -->" + digest[8:]))
    (part,) = form.read(pki.find(root, "Signature")).parts
    assert part.digest_value == base64.b64decode(digest)


@pytest.mark.parametrize("hook", ["digest", "check_value"])
def test_nothing_passes_when_the_library_cannot_be_asked(world, monkeypatch, hook):
    """Without signxml's digest or signature check a document is never taken for intact."""
    signed = xmldsig.sign_document(pki.document(), world.own[pki.SENDER])
    monkeypatch.delattr(xmldsig._Verifier, hook)
    with pytest.raises(AttributeError):
        world.keyring.verify_document(signed)


def _whole_library_accepts(signed: bytes, own: keys.OwnKey) -> bool:
    """The verdict of signxml as its manual says to use it, nothing of it replaced."""
    try:
        signxml.XMLVerifier().verify(
            signed,
            x509_cert=own.certificate,
            # stray text between the children of Signature is outside what is signed
            validate_schema=False,
            expect_config=signxml.SignatureConfiguration(
                location=".//", expect_references=1, verification_time=pki.NOW
            ),
        )
    except (signxml.InvalidSignature, signxml.InvalidInput, etree.DocumentInvalid):
        return False
    return True


@pytest.mark.parametrize("who", [pki.SENDER, pki.JAVA])
def test_the_whole_library_verifies_ours(world, who):
    """signxml, used as its manual says, accepts documents and elements the bus signs."""
    for signed in (
        xmldsig.sign_document(pki.document(), world.own[who]),
        xmldsig.sign_element(
            '<r xmlns="urn:r" a="&lt;&quot;">Đã nhận &amp; lưu</r>'.encode(), world.own[who]
        ),
    ):
        assert _whole_library_accepts(signed, world.own[who])
        assert not _whole_library_accepts(signed, world.own[pki.OTHER])


def test_sha1_of_a_bound_key_is_computed_and_flagged(world):
    """SHA-1 in the right namespace is verified for intactness and still named legacy."""
    verdict = world.keyring.verify_document(_sha1(world))
    assert (verdict.intact, verdict.trusted) == (True, True)
    assert verdict.legacy == (LegacyDefect.SHA1,)
    assert verdict.cause == "SIG-009"
    changed = world.keyring.verify_document(_sha1(world).replace(b"12/SNV", b"13/SNV"))
    assert (changed.intact, changed.cause) == (False, "SIG-002")
    assert changed.legacy == (LegacyDefect.SHA1,)


def test_a_pinned_certificate_verifies_without_a_directory(world):
    """Who holds the bus's certificate can verify its receipts, and only with that certificate."""
    own = world.own[pki.OTHER]
    signed = xmldsig.sign_element(b"<r/>", own)
    assert xmldsig.verify_document(signed, keys.pinned(own.certificate_der, "bus", pki.NOW)).trusted
    other = keys.pinned(world.stranger.certificate_der, "bus", pki.NOW)
    assert xmldsig.verify_document(signed, other).cause == "SIG-005"


_SIGNED = xmldsig.sign_document(pki.document(), pki.pairs()[0][pki.SENDER])
_NODES = len([e for e in etree.fromstring(_SIGNED).iter() if isinstance(e.tag, str)])


@settings(deadline=None, max_examples=120)
@given(
    index=st.integers(0, _NODES - 1),
    how=st.sampled_from(["text", "attribute", "child", "name", "drop", "tail"]),
    word=st.text("abcXYZ019 ẩđ", min_size=1, max_size=4),
)
def test_no_change_to_any_element_goes_unnoticed(index, how, word):
    """Whatever element is changed, whichever way, the verdict is no longer clean."""
    world = pki.world()

    def tamper(root):
        nodes = [e for e in root.iter() if isinstance(e.tag, str)]
        node = nodes[index]
        if how == "text":
            node.text = (node.text or "") + word
        elif how == "attribute":
            node.set("added", word)
        elif how == "child":
            etree.SubElement(node, "added")
        elif how == "name":
            node.tag = node.tag + "x"
        elif node.getparent() is not None and how == "drop":
            node.getparent().remove(node)
        elif node.getparent() is not None:
            node.tail = (node.tail or "") + word
        else:
            node.text = word

    changed = pki.edited(_SIGNED, tamper)
    verdict = world.keyring.verify_document(changed)
    clean = verdict is not None and verdict.cause is None
    assert not clean or _same_meaning(changed, _SIGNED)
    # what the bus takes for intact, the whole of signxml must too
    assert not clean or _whole_library_accepts(changed, world.own[pki.SENDER])


def _same_meaning(changed: bytes, signed: bytes) -> bool:
    """Equal but for what stands inside the Signature (white space, unread attributes)."""

    def meaning(xml: bytes) -> bytes:
        root = etree.fromstring(xml)
        found = list(root.iter(names.SIGNATURE))
        for one in found:
            xmldsig._cut(one)
        return etree.tostring(root, method="c14n", with_comments=False)

    return meaning(changed) == meaning(signed)
