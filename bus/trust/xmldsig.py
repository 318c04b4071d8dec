"""XML-DSig: the only place that imports signxml.

signxml's algorithms are used, its look-ups are not: it writes and parses the whole document
again up to four times for every reference and searches what a reference names by itself. Here
each part is handed over, canonicalised once and digested; SignedInfo is read from the canonical
bytes that the signature value covers (`form`), so that nothing unsigned is ever believed.
The whole of signxml, and xmlsec, judge the same signatures in the tests.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hmac import compare_digest
from typing import Any, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml.algorithms import (
    DigestAlgorithm,
    SignatureConstructionMethod,
    SignatureMethod,
)
from signxml.exceptions import SignXMLException
from signxml.signer import XMLSigner
from signxml.verifier import XMLVerifier

from bus.errors import Defect, SignatureRejected
from bus.model import Coverage, LegacyDefect, SignatureVerdict
from bus.trust import form as forms
from bus.trust import legacy, names, parser
from bus.trust.form import Form
from bus.trust.keys import KeptKey, OwnKey, Resolve, Standing

# at DEBUG signxml writes every canonical document into the log
logging.getLogger("signxml").setLevel(logging.WARNING)

_KNOWN_METHODS = names.METHODS | names.SHA1_METHODS
_DECLARATION = b"<?xml version='1.0' encoding='UTF-8'?>\n"
_ENVELOPED = (names.ENVELOPED, names.EXCLUSIVE)
_DETACHED = (names.EXCLUSIVE,)
#: How canonical form writes an attribute value (Canonical XML 1.0 §2.3).
_ATTRIBUTE = str.maketrans(
    {"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"}
)


def sign_document(xml: bytes, own: OwnKey) -> bytes:
    """An edXML document with ds:Signature as the last child of its edXMLHeader; UTF-8.

    Everything else of the document stays as it is. Raises NotWellFormed, and Defect
    when it has no header or is signed already: a signed document is never edited.
    """
    root = _unsigned(parser.read_whole(xml))
    header = root.find(names.EDXML_HEADER)
    if header is None:
        raise Defect("A document without edXMLHeader cannot be signed.")
    data = forms.canonical(root, exclusive=True)
    signature = _signature([("", data)], own, _x509_data(own), transforms=_ENVELOPED)
    # Written into the serialised text: appended to the tree, lxml would rename its
    # prefixes to those of the document, after they were signed.
    mark = etree.ProcessingInstruction("lienthong", secrets.token_hex(16))
    header.append(mark)
    text: bytes = etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=True)
    return text.replace(etree.tostring(mark), signature, 1)


def sign_element(xml: bytes, own: OwnKey) -> bytes:
    """An element of our own making with an enveloped ds:Signature as its last child.

    It comes out in exclusive canonical form behind an XML declaration, UTF-8, without comments.
    Raises NotWellFormed, and Defect when it is signed already.
    """
    root = _unsigned(parser.read(xml))
    data = forms.canonical(root, exclusive=True)
    # canonical form writes every element with an end tag, so that there is one to stand before
    end = data.rindex(b"</")
    signature = _signature([("", data)], own, _x509_data(own), transforms=_ENVELOPED)
    return b"".join((_DECLARATION, data[:end], signature, data[end:]))


def sign_parts(parts: Sequence[tuple[str, bytes]], own: OwnKey, key_info: str) -> bytes:
    """A ds:Signature over several parts, each given as (reference URI, exclusive canonical form).

    `key_info` is the KeyInfo as text that declares every prefix but `ds`; so does what comes back.
    """
    return _signature(parts, own, key_info, transforms=_DETACHED)


def verify_document(body: bytes, resolve: Resolve) -> SignatureVerdict | None:
    """Facts about the ds:Signature of an XML document; None when it carries no signature.

    An intact verdict means that everything in `body` but the Signature itself, comments
    and processing instructions is what was signed. Raises NotWellFormed.
    """
    root = parser.read(body)
    found = list(root.iter(names.SIGNATURE))
    if not found:
        return legacy.find(root)
    try:
        return _examine(root, found, resolve)
    except SignatureRejected as refusal:
        return rejected(refusal)


def rejected(refusal: SignatureRejected) -> SignatureVerdict:
    """The verdict on a signature that was refused before anything could be computed."""
    # content that the signature does not cover must never pass for intact
    intact = False if refusal.code == "SIG-004" else None
    return SignatureVerdict(intact=intact, trusted=False, cause=refusal.code, detail=refusal.detail)


def prove(
    signature: etree._Element,
    declared: Form,
    parts: Mapping[str, etree._Element],
    standing: Standing,
) -> SignatureVerdict:
    """Compute one signature over the very elements in `parts` (reference URI → element).

    `signature` stands in its document, from which an enveloped one is taken out; `declared`
    is its form. The facts come back without coverage; `cause` is the first of: unknown certificate,
    changed content, wrong value, revoked, expired.
    """
    verdict = SignatureVerdict(
        intact=None,
        trusted=standing.cause is None,
        expired=standing.expired,
        revoked=standing.revoked,
        algorithm=declared.method if declared.method in _KNOWN_METHODS else "",
        fingerprint=standing.fingerprint,
        signer=standing.signer,
        cause=standing.cause,
    )
    if standing.signer is None:
        return verdict
    try:
        _compute(signature, declared, parts, standing.certificate)
    except SignatureRejected as refusal:
        return replace(verdict, intact=False, cause=refusal.code, detail=refusal.detail)
    return replace(verdict, intact=True)


def first_known(certificates: Sequence[bytes], resolve: Resolve) -> Standing:
    """The standing of the first certificate that is bound to anyone, else of the first.

    Raises SignatureRejected SIG-011 when there is none or it cannot be read.
    """
    if not certificates:
        raise SignatureRejected("The signature carries no certificate.", code="SIG-011")
    known = [resolve(der) for der in certificates]
    return next((one for one in known if one.signer is not None), known[0])


def _examine(
    root: etree._Element, found: Sequence[etree._Element], resolve: Resolve
) -> SignatureVerdict:
    signature = _in_place(root, found)
    defects = legacy.defects(signature)
    if set(defects) - {LegacyDefect.SHA1}:
        return legacy.verdict(defects)
    declared = forms.read(signature)
    forms.demand_document(declared, sha1=bool(defects))
    standing = first_known(forms.certificates(forms.key_info(signature)), resolve)
    verdict = prove(signature, declared, {"": root}, standing)
    if verdict.intact:
        verdict = replace(verdict, coverage=Coverage.DOCUMENT)
    return _flagged(verdict, defects)


def _flagged(verdict: SignatureVerdict, defects: tuple[LegacyDefect, ...]) -> SignatureVerdict:
    if not defects:
        return verdict
    form = legacy.verdict(defects)
    return replace(
        verdict,
        legacy=defects,
        cause=verdict.cause or form.cause,
        detail=verdict.detail or form.detail,
    )


def _in_place(root: etree._Element, found: Sequence[etree._Element]) -> etree._Element:
    if len(found) > 1:
        raise SignatureRejected("The document carries several signatures.", code="SIG-008")
    signature = found[0]
    if root.tag == names.EDXML:
        in_place = signature.getparent() in root.findall(names.EDXML_HEADER)
    else:
        in_place = len(root) > 0 and root[-1] is signature
    if not in_place:
        raise SignatureRejected("The signature is not where it belongs.", code="SIG-008")
    return signature


def _holds(element: etree._Element, signature: etree._Element) -> bool:
    """Whether the signature stands in the element, so that there is something to take out."""
    return any(one is element for one in signature.iterancestors())


def _cut(element: etree._Element) -> None:
    """Take an element out of its tree, leaving the text behind it in place."""
    parent, tail = element.getparent(), element.tail
    if parent is None:
        raise SignatureRejected("The signature stands alone.", code="SIG-008")
    before = element.getprevious()
    if tail and before is not None:
        before.tail = (before.tail or "") + tail
    elif tail:
        parent.text = (parent.text or "") + tail
    element.tail = None
    parent.remove(element)


def _compute(
    signature: etree._Element,
    declared: Form,
    parts: Mapping[str, etree._Element],
    certificate: x509.Certificate,
) -> None:
    """Prove the signature value, then every digest that the proven bytes declare.

    Raises SignatureRejected SIG-003 (value, or what cannot be computed), SIG-002 (content).
    """
    verifier = _Verifier()
    try:
        verifier.check_value(declared, certificate)
        for part in declared.parts:
            element = parts[part.uri]
            if names.ENVELOPED in part.transforms and _holds(element, signature):
                _cut(signature)
            data = forms.canonical(element, exclusive=part.exclusive, prefixes=part.prefixes)
            if not compare_digest(verifier.digest(data, part.digest), part.digest_value):
                raise SignatureRejected(code="SIG-002")
    except InvalidSignature as error:
        raise SignatureRejected(code="SIG-003") from error
    except (SignXMLException, UnsupportedAlgorithm, ValueError, etree.LxmlError) as error:
        # what is left after the form was checked: algorithm and key of different kinds
        raise SignatureRejected(code="SIG-003") from error


def _unsigned(root: etree._Element) -> etree._Element:
    if next(root.iter(names.SIGNATURE), None) is not None:
        raise Defect("The document is signed already.")
    return root


def _signature(
    parts: Sequence[tuple[str, bytes]], own: OwnKey, key_info: str, *, transforms: tuple[str, ...]
) -> bytes:
    """A finished ds:Signature over parts in canonical form, as text."""
    signer = _Signer(own)
    references = "".join(_reference(uri, data, transforms) for uri, data in parts)
    info = (
        f"{_element('CanonicalizationMethod', names.EXCLUSIVE)}"
        f"{_element('SignatureMethod', signer.sign_alg.value)}{references}"
    )
    # what is signed is SignedInfo in canonical form, which declares the prefix it uses
    value = signer.value(f'<ds:SignedInfo xmlns:ds="{names.DS}">{info}</ds:SignedInfo>'.encode())
    return (
        f'<ds:Signature xmlns:ds="{names.DS}"><ds:SignedInfo>{info}</ds:SignedInfo>'
        f"<ds:SignatureValue>{value}</ds:SignatureValue>{key_info}</ds:Signature>"
    ).encode()


def _reference(uri: str, data: bytes, transforms: tuple[str, ...]) -> str:
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")
    applied = "".join(_element("Transform", uri) for uri in transforms)
    return (
        f'<ds:Reference URI="{uri.translate(_ATTRIBUTE)}"><ds:Transforms>{applied}</ds:Transforms>'
        f"{_element('DigestMethod', DigestAlgorithm.SHA256.value)}"
        f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"
    )


def _element(name: str, algorithm: str) -> str:
    return f'<ds:{name} Algorithm="{algorithm}"></ds:{name}>'


def _x509_data(own: OwnKey) -> str:
    text = base64.b64encode(own.certificate_der).decode("ascii")
    return (
        "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>"
        f"{text}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
    )


class _Signer(XMLSigner):
    """signxml's signature values over a SignedInfo in canonical form that stands already."""

    def __init__(self, own: OwnKey) -> None:
        rsa_key = isinstance(own.key, rsa.RSAPrivateKey)
        super().__init__(
            method=SignatureConstructionMethod.detached,
            signature_algorithm=(
                SignatureMethod.RSA_SHA256 if rsa_key else SignatureMethod.ECDSA_SHA256
            ),
        )
        # key information is written with the rest of the signature
        self.signature_annotators = []
        self._key = own.key

    def value(self, signed_info: bytes) -> str:
        """The text of SignatureValue."""
        return self.sign(signed_info, key=self._key).text or ""

    def _unpack(self, data: Any, references: Any) -> tuple[Any, Any, Any, Any]:  # noqa: ARG002 - signxml's signature
        return etree.Element("SignatureValue"), None, [data], []

    def _build_sig(self, *given: Any, **named: Any) -> Any:
        return named["c14n_inputs"][0], given[0]

    def _c14n(self, nodes: Any, *_: Any, **__: Any) -> Any:
        return nodes


class _Verifier(XMLVerifier):
    """signxml's algorithms, without its look-ups; made anew for each signature."""

    def digest(self, data: bytes, algorithm: str) -> bytes:
        """The digest under an algorithm that the form allows."""
        made: bytes = self._get_digest(data, DigestAlgorithm(algorithm))
        return made

    def check_value(self, declared: Form, certificate: x509.Certificate) -> None:
        """Check the signature value with the key of the bound certificate, read out once.

        Raises InvalidSignature of `cryptography`, SignXMLException for a key of another kind.
        """
        self._verify_signature_with_pubkey(
            signed_info_c14n=declared.signed_info,
            raw_signature=declared.value,
            signature_alg=SignatureMethod(declared.method),
            # stands in for the certificate: only its key is asked for
            signing_certificate=cast("x509.Certificate", KeptKey(certificate)),
        )
