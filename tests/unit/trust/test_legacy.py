"""The field's signatures, named defect by defect."""

from __future__ import annotations

import pytest
from lxml import etree

from bus.model import LegacyDefect
from bus.trust import legacy, xmldsig
from tests.support import pki

OLD = """<{p}Signature{ns}>
  <{p}SignedInfo>
    <{p}CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>
    <{p}SignatureMethod Algorithm="{method}"/>
    <{p}Reference URI="{uri}"><{p}Transforms>
      <{p}Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>
      <{p}Transform Algorithm="{transform}"/></{p}Transforms>
      <{p}DigestMethod Algorithm="{digest}"/><{p}DigestValue>AAAA</{p}DigestValue></{p}Reference>
  </{p}SignedInfo>
  <{p}SignatureValue>AAAA</{p}SignatureValue>
  <{p}KeyInfo><{p}X509Data><{p}X509Certificate>{certificate}</{p}X509Certificate></{p}X509Data></{p}KeyInfo>
</{p}Signature>"""

SHA256 = {
    "method": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "digest": "http://www.w3.org/2001/04/xmlenc#sha256",
}
SHA1 = {"method": pki.DS + "rsa-sha1", "digest": pki.DS + "sha1"}
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
UNREGISTERED = "http://www.w3.org/TR/xml-exc-c14n#"


def _old(**parts: str) -> bytes:
    whole = {"p": "", "ns": "", "uri": "", "transform": EXCLUSIVE, "certificate": "AAAAAAAA"}
    return pki.document(inner=OLD.format(**{**whole, **SHA256, **parts}))


@pytest.mark.parametrize(
    ("parts", "defects"),
    [
        ({}, ["wrong-namespace"]),
        ({"ns": ' xmlns=""'}, ["wrong-namespace"]),
        (SHA1, ["wrong-namespace", "sha1"]),
        ({"transform": UNREGISTERED}, ["wrong-namespace", "unregistered-transform"]),
        ({"certificate": "MIIFqTCCBJE"}, ["wrong-namespace", "truncated-certificate"]),
        ({"uri": "cid:208"}, ["wrong-namespace", "cid-reference"]),
        (
            {**SHA1, "transform": UNREGISTERED, "certificate": "MIIFqTCCBJE"},
            ["wrong-namespace", "sha1", "truncated-certificate", "unregistered-transform"],
        ),
        ({"ns": f' xmlns="{pki.DS}"', "uri": "CID:1"}, ["cid-reference"]),
        ({"ns": f' xmlns="{pki.DS}"', "certificate": ""}, ["truncated-certificate"]),
        (
            {"ns": f' xmlns="{pki.DS}"', **SHA1, "transform": UNREGISTERED},
            ["sha1", "unregistered-transform"],
        ),
    ],
)
def test_each_defect_is_named(world, parts, defects):
    """Every legacy form is classified exactly and proves nothing either way."""
    verdict = world.keyring.verify_document(_old(**parts))
    assert [defect.value for defect in verdict.legacy] == defects
    assert (verdict.intact, verdict.trusted, verdict.cause) == (None, False, "SIG-009")


@pytest.mark.parametrize(
    "element",
    ["<e:DigitalSignature/>", "<e:DigitalSignature>\n</e:DigitalSignature>", "<Signature/>"],
)
def test_empty_signatures_are_only_empty(world, element):
    """An empty element is named empty and nothing else."""
    verdict = world.keyring.verify_document(pki.document(inner=element))
    assert verdict.legacy == (LegacyDefect.EMPTY_SIGNATURE,)
    both = world.keyring.verify_document(
        pki.document(
            inner=element
            + OLD.format(p="", ns="", uri="", transform=EXCLUSIVE, certificate="AAAAAAAA", **SHA256)
        )
    )
    assert both.legacy == (LegacyDefect.WRONG_NAMESPACE,)


def test_an_empty_element_next_to_a_real_signature_does_not_matter(world):
    """A real signature decides, whatever decorations stand beside it."""
    signed = xmldsig.sign_document(
        pki.document(inner="<e:DigitalSignature/>"), world.own[pki.SENDER]
    )
    verdict = world.keyring.verify_document(signed)
    assert (verdict.intact, verdict.cause, verdict.legacy) == (True, None, ())


def test_whole_certificates_are_not_truncated(world):
    """Only a certificate shorter than it announces is called truncated, at every cut."""
    import base64

    whole = base64.b64encode(world.own[pki.JAVA].certificate_der).decode().rstrip("=")
    assert not legacy._truncated(whole)
    assert all(legacy._truncated(whole[:cut]) for cut in range(0, len(whole) - 4, 7))


def test_foreign_elements_that_are_called_signature_are_no_signatures(world):
    """Extensions in their own namespaces are left alone."""
    inner = '<x:Signature xmlns:x="urn:x">A</x:Signature>'
    assert world.keyring.verify_document(pki.document(inner=inner)) is None


def test_real_messages_are_classified(world, samples):
    """The SDK's sample files carry exactly the defects known of them; the others carry none."""
    expected = {
        "edoc_new.edxml": [
            "wrong-namespace",
            "sha1",
            "truncated-certificate",
            "unregistered-transform",
        ],
        "edoc_update.edxml": [
            "wrong-namespace",
            "sha1",
            "truncated-certificate",
            "unregistered-transform",
        ],
        "edoc_replacement.edxml": [
            "wrong-namespace",
            "sha1",
            "truncated-certificate",
            "unregistered-transform",
        ],
    }
    files = sorted((samples / "vxp-sdk").glob("*.edxml"))
    assert len(files) >= len(expected)
    found = {}
    for file in files:
        raw = file.read_bytes()
        # the step before takes junk in front of the document off
        verdict = world.keyring.verify_document(raw[raw.index(b"<") :])
        if verdict is not None:
            found[file.name] = [defect.value for defect in verdict.legacy]
            assert verdict.intact is None
    assert found == expected


def test_defects_come_in_a_fixed_order():
    """Verdicts on equal signatures are equal."""
    element = etree.fromstring(
        OLD.format(
            p="", ns="", uri="cid:1", transform=UNREGISTERED, certificate="MIIFqTCCBJE", **SHA1
        )
    )
    assert legacy.defects(element) == tuple(
        d for d in LegacyDefect if d is not LegacyDefect.EMPTY_SIGNATURE
    )
