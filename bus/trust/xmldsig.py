"""XML-DSig: the only place that imports signxml.

signxml writes and parses the whole document again up to four times for every
reference and looks references up by itself. Its hooks are replaced here, so that
it digests exactly the elements handed to it, each canonicalised once: nothing is
looked up twice, no other element can take a signed one's place, and memory stays a
small multiple of the message. It still reads SignedInfo from the canonical bytes
that the signature value covers and compares every digest. If a later signxml
stopped calling the hooks, nothing would verify any more: the failure is on the
safe side.
"""

from __future__ import annotations

import base64
import functools
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml.algorithms import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConstructionMethod,
    SignatureMethod,
)
from signxml.exceptions import InvalidDigest, InvalidSignature, SignXMLException
from signxml.signer import SignatureReference, XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from bus.errors import Defect, SignatureRejected
from bus.model import Coverage, LegacyDefect, SignatureVerdict
from bus.trust import form as forms
from bus.trust import legacy, names, parser
from bus.trust.form import Form, Part
from bus.trust.keys import KeptKey, OwnKey, Resolve, Standing

# at DEBUG signxml writes every canonical document into the log
logging.getLogger("signxml").setLevel(logging.WARNING)

_KNOWN_METHODS = names.METHODS | names.SHA1_METHODS
_CONFIGURATION = SignatureConfiguration(
    location="./",
    # which of these the sender may use was decided with the form
    signature_methods=frozenset(SignatureMethod(uri) for uri in _KNOWN_METHODS),
    digest_algorithms=frozenset(DigestAlgorithm(u) for u in names.DIGESTS | names.SHA1_DIGESTS),
    # KeyValue proves nothing: the key is that of the bound certificate
    ignore_ambiguous_key_info=True,
    default_reference_c14n_method=CanonicalizationMethod.CANONICAL_XML_1_0,
)


def sign_document(xml: bytes, own: OwnKey) -> bytes:
    """An edXML document with ds:Signature as the last child of its edXMLHeader; UTF-8.

    Everything else of the document stays as it is. Raises NotWellFormed, and Defect
    when it has no header or is signed already: a signed document is never edited.
    """
    return _sign_enveloped(xml, own, lambda root: root.find(names.EDXML_HEADER))


def sign_element(xml: bytes, own: OwnKey) -> bytes:
    """Any document with an enveloped ds:Signature as the last child of its root; UTF-8.

    Raises NotWellFormed, Defect.
    """
    return _sign_enveloped(xml, own, lambda root: root)


def sign_parts(
    parts: Sequence[tuple[str, etree._Element | bytes]], own: OwnKey, key_info: etree._Element
) -> etree._Element:
    """A ds:Signature over several elements, each named by its Id, under exclusive C14N.

    An element may also come as the bytes of that form, without comments.
    """
    signer = _Signer(own, SignatureConstructionMethod.detached, parts)
    return signer.signature(own, key_info)


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
    try:
        _Verifier(declared, parts).compute(signature, certificate)
    except InvalidDigest as error:
        raise SignatureRejected(code="SIG-002") from error
    except InvalidSignature as error:
        raise SignatureRejected(code="SIG-003") from error
    except (SignXMLException, UnsupportedAlgorithm, ValueError, etree.LxmlError) as error:
        # what is left after the form was checked: algorithm and key of different kinds
        raise SignatureRejected(code="SIG-003") from error


def _canonical(element: etree._Element, part: Part) -> bytes:
    data: bytes = etree.tostring(
        element,
        method="c14n",
        exclusive=part.exclusive,
        with_comments=False,
        inclusive_ns_prefixes=list(part.prefixes) if part.prefixes else None,
    )
    return data


def _sign_enveloped(
    xml: bytes, own: OwnKey, place: Callable[[etree._Element], etree._Element | None]
) -> bytes:
    root = parser.read_whole(xml)
    parent = place(root)
    if parent is None:
        raise Defect("A document without edXMLHeader cannot be signed.")
    if next(root.iter(names.SIGNATURE), None) is not None:
        raise Defect("The document is signed already.")
    signature = _Signer(own, SignatureConstructionMethod.enveloped, [("", root)]).signature(own)
    # Written into the serialised text: appended to the tree, lxml would rename its
    # prefixes to those of the document, after they were signed.
    mark = etree.ProcessingInstruction("lienthong", secrets.token_hex(16))
    parent.append(mark)
    tree = root.getroottree()
    text: bytes = etree.tostring(tree, encoding="UTF-8", xml_declaration=True)
    return text.replace(etree.tostring(mark), etree.tostring(signature), 1)


class _Signer(XMLSigner):
    """signxml's signer over elements given, not looked up or copied."""

    def __init__(
        self,
        own: OwnKey,
        method: SignatureConstructionMethod,
        parts: Sequence[tuple[str, etree._Element | bytes]],
    ) -> None:
        algorithm = (
            SignatureMethod.RSA_SHA256
            if isinstance(own.key, rsa.RSAPrivateKey)
            else SignatureMethod.ECDSA_SHA256
        )
        super().__init__(
            method=method,
            signature_algorithm=algorithm,
            digest_algorithm=DigestAlgorithm.SHA256,
            c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        )
        self._parts = parts

    def signature(self, own: OwnKey, key_info: etree._Element | None = None) -> etree._Element:
        """The finished ds:Signature, outside any tree."""
        info = _x509_data(own) if key_info is None else key_info
        made: etree._Element = self.sign(None, key=own.key, key_info=info)
        return made

    def _ds_tag(self, tag: str) -> str:
        return _ds(tag)

    def _unpack(self, data: Any, references: Any) -> tuple[Any, Any, Any, Any]:  # noqa: ARG002 - signxml's signature
        signature = etree.Element(names.SIGNATURE, nsmap={"ds": names.DS})
        elements = [element for _, element in self._parts]
        wanted = [SignatureReference(uri, self.c14n_alg) for uri, _ in self._parts]
        return signature, signature, elements, wanted

    def _c14n(self, nodes: Any, *args: Any, **kwargs: Any) -> Any:
        # a part in canonical form is not canonicalised again
        return nodes if isinstance(nodes, bytes) else super()._c14n(nodes, *args, **kwargs)


def _x509_data(own: OwnKey) -> etree._Element:
    key_info = etree.Element(_ds("KeyInfo"), nsmap={"ds": names.DS})
    data = etree.SubElement(key_info, _ds("X509Data"))
    text = base64.b64encode(own.certificate_der).decode("ascii")
    etree.SubElement(data, _ds("X509Certificate")).text = text
    return key_info


class _Verifier(XMLVerifier):
    """signxml's verifier over elements given by reference URI; made anew for each message."""

    def __init__(self, declared: Form, parts: Mapping[str, etree._Element]) -> None:
        super().__init__()
        self._declared = declared
        self._parts = parts
        self._digested: list[bytes] = []

    def compute(self, signature: etree._Element, certificate: x509.Certificate) -> None:
        """Prove signature value and every digest, or raise signxml's errors.

        Raises SignatureRejected SIG-004 when it was over anything but the parts.
        """
        results = self.verify(
            signature,
            x509_cert=certificate,
            parser=parser.reading_parser(),
            # the form was checked more strictly; the schema forbids what Java partners send
            validate_schema=False,
            expect_config=_configuration(len(self._declared.parts)),
        )
        proven = [one.signed_data for one in (results if isinstance(results, list) else [results])]
        same = (data is ours for data, ours in zip(proven, self._digested, strict=True))
        if not all(same) or len(proven) != len(self._declared.parts):
            raise SignatureRejected("Something else was signed.", code="SIG-004")

    def get_root(self, data: Any) -> Any:
        """The signature itself: it is read where it stands, nothing is copied."""
        return data

    def _verify_signature_with_pubkey(self, *_: Any, **facts: Any) -> Any:
        """Let signxml check the value with the key of the bound certificate, read out once."""
        facts["signing_certificate"] = KeptKey(facts["signing_certificate"])
        return super()._verify_signature_with_pubkey(**facts)

    def _resolve_reference(self, doc_root: Any, reference: Any, uri_resolver: Any = None) -> Any:  # noqa: ARG002 - signxml's signature
        """The part that the form declared in this place, in canonical form."""
        part = self._declared.parts[len(self._digested)]
        if reference.get("URI") != part.uri:
            raise InvalidDigest("The references are not those of the form.")
        if names.ENVELOPED in part.transforms:
            _cut(doc_root)
        data = _canonical(self._parts[part.uri], part)
        self._digested.append(data)
        return data

    def _apply_transforms(self, payload: Any, *, transforms_node: Any, signature: Any) -> Any:  # noqa: ARG002 - signxml's signature
        """Nothing is left to apply, but what was applied must be what SignedInfo says."""
        part = self._declared.parts[len(self._digested) - 1]
        signed = [] if transforms_node is None else self._findall(transforms_node, "Transform")
        if tuple(one.get("Algorithm") for one in signed) != part.transforms:
            raise InvalidDigest("The transforms are not those of the form.")
        return payload

    def _tostring(self, xml_node: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - signxml's signature
        return xml_node

    def _fromstring(self, xml_string: Any, **kwargs: Any) -> Any:
        """Parse what is text; give back what `_tostring` left as it is; look into no part again."""
        if not isinstance(xml_string, bytes):
            return xml_string
        if any(xml_string is data for data in self._digested):
            return None
        return super()._fromstring(xml_string, **kwargs)  # type: ignore[no-untyped-call]  # signxml's own

    def _find(self, element: Any, query: str, require: bool = True, xpath: str = "") -> Any:  # noqa: FBT001, FBT002 - signxml's signature
        """Look for a child by its full name: mapping prefixes costs ten times as much."""
        found = None if ":" in query or xpath else element.find(_ds(query))
        if found is not None:
            return found
        return super()._find(element, query, require, xpath)  # type: ignore[no-untyped-call]  # signxml's own

    def _findall(self, element: Any, query: str, xpath: str = "") -> Any:
        found = [] if ":" in query or xpath else element.findall(_ds(query))
        return found or super()._findall(element, query, xpath)  # type: ignore[no-untyped-call]  # signxml's own

    def _check_cert_validity(self, cert: Any, cert_source: Any) -> None:
        """Leave it to the bus's clock, which judges validity as a fact of its own."""


def _ds(name: str) -> str:
    return f"{{{names.DS}}}{name}"


@functools.cache
def _configuration(references: int) -> SignatureConfiguration:
    return replace(_CONFIGURATION, expect_references=references)
