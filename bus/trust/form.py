"""The exact shape of ds:Signature: what is not listed here is refused, not skipped.

XML Signature Syntax and Processing 1.1, §4. Libraries ignore transforms and
children they do not know; a signature that says more than is checked is how
wrapping attacks begin.
"""

from __future__ import annotations

import base64
import binascii
import itertools
from collections.abc import Collection
from dataclasses import dataclass, field

from lxml import etree

from bus.errors import SignatureRejected
from bus.trust import names, parser

_DOCUMENT_TRANSFORMS = frozenset(
    {
        (names.ENVELOPED, names.EXCLUSIVE),
        (names.ENVELOPED, names.INCLUSIVE_10),
        (names.ENVELOPED, names.INCLUSIVE_11),
        (names.ENVELOPED,),
    }
)
#: npm `soap` names the enveloped transform too, on parts that do not hold the signature.
_PARTS_TRANSFORMS = frozenset({(names.EXCLUSIVE,), (names.ENVELOPED, names.EXCLUSIVE)})
_DOCUMENT_CANONICALISATIONS = frozenset({names.EXCLUSIVE, names.INCLUSIVE_10, names.INCLUSIVE_11})
_MOST_REFERENCES = 16
#: A signature of sixteen references has about a hundred elements; what hides more costs time.
_MOST_ELEMENTS = 300
_MOST_CERTIFICATES = 8
#: What KeyInfo is written in. Nothing signs KeyInfo: content of a message in it would travel on
#: inside a document that proves intact.
_KEY_INFO = frozenset({names.DS, names.DS11, names.WSSE, names.WSSE11, names.WSU})
#: Stacks list the prefixes that stand in text, a handful.
_MOST_PREFIXES = 100
#: Most look-ups of a namespace that one canonical form may cost, half a second: inclusive form
#: compares all namespaces in scope with each other for every element, a PrefixList each prefix.
_MOST_LOOKUPS = 100_000_000
#: The same for SignedInfo, which is small, and read before its value is checked.
_MOST_LOOKUPS_UNPROVED = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One ds:Reference."""

    uri: str
    transforms: tuple[str, ...]
    digest: str
    digest_value: bytes
    #: InclusiveNamespaces PrefixList of the canonicalisation, None without one.
    prefixes: tuple[str, ...] | None

    @property
    def exclusive(self) -> bool:
        """Whether the part is digested under exclusive canonicalisation."""
        return names.EXCLUSIVE in self.transforms


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What one ds:SignedInfo declares, read from the very bytes that its signature value covers."""

    canonicalisation: str
    method: str
    parts: tuple[Part, ...]
    #: SignedInfo in canonical form.
    signed_info: bytes = field(repr=False)
    #: SignatureValue, decoded.
    value: bytes = field(repr=False)


def read(signature: etree._Element) -> Form:
    """The declarations of a ds:Signature; raises SignatureRejected SIG-011 or SIG-008."""
    if sum(1 for _ in itertools.islice(signature.iter(), _MOST_ELEMENTS + 1)) > _MOST_ELEMENTS:
        raise _unreadable("Signature holds too many elements.")
    signed_info, value, key = _children(signature, "SignedInfo", "SignatureValue", "KeyInfo")
    if any(etree.QName(one).namespace not in _KEY_INFO for one in key.iter(etree.Element)):
        raise _not_allowed("KeyInfo holds elements that describe no key.")
    canonical = _canonical(signed_info)
    head = _elements(parser.read(canonical))
    if len(head) < 2 or len(head) > 2 + _MOST_REFERENCES:
        raise _unreadable("SignedInfo is incomplete or has too many references.")
    method = _named(head[1], "SignatureMethod")
    if _elements(method):
        raise _not_allowed("Parameters of the signature algorithm are not accepted.")
    return Form(
        canonicalisation=_named(head[0], "CanonicalizationMethod").get("Algorithm", ""),
        method=method.get("Algorithm", ""),
        parts=tuple(_part(_named(element, "Reference")) for element in head[2:]),
        signed_info=canonical,
        value=base64_value(value),
    )


def _canonical(signed_info: etree._Element) -> bytes:
    """SignedInfo as its own CanonicalizationMethod says, or exclusive where that is unknown."""
    declared = _elements(signed_info)
    if not declared:
        raise _unreadable("SignedInfo is empty.")
    method = _named(declared[0], "CanonicalizationMethod")
    exclusive = method.get("Algorithm") not in {names.INCLUSIVE_10, names.INCLUSIVE_11}
    prefixes = _prefixes(method)
    _demand_affordable(signed_info, prefixes, _MOST_LOOKUPS_UNPROVED)
    try:
        return canonical(signed_info, exclusive=exclusive, prefixes=prefixes)
    except etree.LxmlError as error:
        raise _unreadable("SignedInfo has no canonical form.") from error


def canonical(
    element: etree._Element, *, exclusive: bool, prefixes: tuple[str, ...] | None = None
) -> bytes:
    """An element in Canonical XML 1.0 or Exclusive Canonical XML 1.0, without comments.

    Raises SignatureRejected SIG-008 for one whose namespaces would take seconds to look up.
    """
    if prefixes or not exclusive:
        _demand_affordable(element, prefixes, _MOST_LOOKUPS)
    data: bytes = etree.tostring(
        element,
        method="c14n",
        exclusive=exclusive,
        with_comments=False,
        inclusive_ns_prefixes=list(prefixes) if prefixes else None,
    )
    return data


def _demand_affordable(
    element: etree._Element, prefixes: tuple[str, ...] | None, most: int
) -> None:
    """Count look-ups before libxml2 makes them; where there is no PrefixList as for inclusive form."""
    above = element.getparent()
    scope = len(above.nsmap) if above is not None else 0
    lookups = 0
    for event, _ in etree.iterwalk(element, events=("start-ns", "end-ns", "start")):
        if event == "start":
            lookups += scope * max(scope, len(prefixes or ()))
            _demand(lookups <= most, "number of namespaces under this canonicalisation")
        else:
            scope += 1 if event == "start-ns" else -1


def certificates(key_info: etree._Element) -> tuple[bytes, ...]:
    """Every DER certificate in the X509Data of a KeyInfo; raises SignatureRejected SIG-011."""
    path = f"{{{names.DS}}}X509Data/{{{names.DS}}}X509Certificate"
    found = key_info.findall(path)[:_MOST_CERTIFICATES]
    return tuple(base64_value(element) for element in found)


def key_info(signature: etree._Element) -> etree._Element:
    """The KeyInfo of a signature that `read` accepted."""
    return _elements(signature)[2]


def base64_value(element: etree._Element) -> bytes:
    """The bytes in an element's base64 text; raises SignatureRejected SIG-011."""
    if len(element):
        raise _unreadable("A base64 value holds elements.")
    try:
        value = base64.b64decode("".join((element.text or "").split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _unreadable("A value is not base64.") from error
    if not value:
        raise _unreadable("A value is empty.")
    return value


def demand_document(form: Form, *, sha1: bool) -> None:
    """Require one reference to the whole document, enveloped; raises SIG-004 or SIG-008."""
    _demand_algorithms(form, sha1=sha1)
    _demand(form.canonicalisation in _DOCUMENT_CANONICALISATIONS, "canonicalisation")
    if [part.uri for part in form.parts] != [""]:
        raise SignatureRejected('Exactly one reference with URI="" is needed.', code="SIG-004")
    _demand_transforms(form, _DOCUMENT_TRANSFORMS)


def demand_parts(form: Form) -> None:
    """Require same-document references under exclusive C14N; raises SIG-004 or SIG-008."""
    _demand_algorithms(form, sha1=False)
    _demand(form.canonicalisation == names.EXCLUSIVE, "canonicalisation")
    if not form.parts or any(not part.uri[1:] or part.uri[0] != "#" for part in form.parts):
        raise SignatureRejected("References must name parts by Id.", code="SIG-004")
    _demand_transforms(form, _PARTS_TRANSFORMS)


def _demand_algorithms(form: Form, *, sha1: bool) -> None:
    methods = names.METHODS | names.SHA1_METHODS if sha1 else names.METHODS
    digests = names.DIGESTS | names.SHA1_DIGESTS if sha1 else names.DIGESTS
    _demand(form.method in methods, "signature algorithm")
    _demand(all(part.digest in digests for part in form.parts), "digest algorithm")


def _demand_transforms(form: Form, accepted: Collection[tuple[str, ...]]) -> None:
    _demand(all(part.transforms in accepted for part in form.parts), "list of transforms")


def _demand(holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise _not_allowed(f"The {what} is not accepted.")


def _part(reference: etree._Element) -> Part:
    children = _elements(reference)
    transforms: list[etree._Element] = []
    if len(children) == 3:
        transforms = [
            _named(element, "Transform") for element in _elements(_named(children[0], "Transforms"))
        ]
        children = children[1:]
    if len(children) != 2:
        raise _unreadable("A Reference is incomplete.")
    method, digest = _named(children[0], "DigestMethod"), _named(children[1], "DigestValue")
    if _elements(method):
        raise _not_allowed("Parameters of the digest algorithm are not accepted.")
    prefixes = [_prefixes(transform) for transform in transforms]
    return Part(
        # an absent URI leaves the meaning to the application; it is read as no document
        uri=reference.get("URI", "?"),
        transforms=tuple(transform.get("Algorithm", "") for transform in transforms),
        digest=method.get("Algorithm", ""),
        digest_value=base64_value(digest),
        prefixes=prefixes[-1] if prefixes else None,
    )


def _prefixes(method: etree._Element) -> tuple[str, ...] | None:
    children = _elements(method)
    if not children:
        return None
    wanted = f"{{{names.EXCLUSIVE}}}InclusiveNamespaces"
    right = method.get("Algorithm") == names.EXCLUSIVE and children[0].tag == wanted
    prefixes = children[0].get("PrefixList")
    if len(children) > 1 or not right or prefixes is None:
        raise _not_allowed("Parameters of a transform are not accepted.")
    named = tuple(dict.fromkeys(prefixes.split(" ")))
    if len(named) > _MOST_PREFIXES:
        raise _not_allowed("A PrefixList names too many prefixes.")
    return named


def _children(parent: etree._Element, *wanted: str) -> list[etree._Element]:
    found = _elements(parent)
    if any(child.tag == f"{{{names.DS}}}Object" for child in found):
        raise _not_allowed("ds:Object is not accepted.")
    if len(found) != len(wanted):
        raise _unreadable("Signature must hold SignedInfo, SignatureValue and KeyInfo.")
    return [_named(child, name) for child, name in zip(found, wanted, strict=True)]


def _elements(parent: etree._Element) -> list[etree._Element]:
    found = [child for child in parent if isinstance(child.tag, str)]
    if len(found) != len(parent):
        raise _not_allowed("Processing instructions inside Signature are not accepted.")
    return found


def _named(element: etree._Element, name: str) -> etree._Element:
    if element.tag != f"{{{names.DS}}}{name}":
        raise _unreadable(f"{name} is expected.")
    return element


def _unreadable(detail: str) -> SignatureRejected:
    return SignatureRejected(detail, code="SIG-011")


def _not_allowed(detail: str) -> SignatureRejected:
    return SignatureRejected(detail, code="SIG-008")
