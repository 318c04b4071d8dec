"""The field's signatures that cannot be verified, each defect named exactly.

The SDK most offices use writes XML-DSig elements into the edXML namespace, with
SHA-1, a transform registered nowhere and a cut-off certificate; another writes
an empty DigitalSignature.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator

from lxml import etree

from bus.model import LegacyDefect, SignatureVerdict
from bus.trust import names

_ELEMENTS = (
    f"{{{names.QCVN}}}Signature",
    f"{{{names.QCVN}}}DigitalSignature",
    "Signature",
    "DigitalSignature",
)
_SHA1 = frozenset(
    {
        *names.SHA1_METHODS,
        *names.SHA1_DIGESTS,
        names.DS + "dsa-sha1",
        names.DS + "hmac-sha1",
    }
)
_LONGEST_HEADER = 4


def find(root: etree._Element) -> SignatureVerdict | None:
    """The verdict on signatures outside the xmldsig namespace; None when there are none."""
    found = [defects(element) for element in _outermost(root)]
    if not found:
        return None
    named = {defect for one in found for defect in one}
    # an empty element next to a full one adds nothing
    if any(one != (LegacyDefect.EMPTY_SIGNATURE,) for one in found):
        named.discard(LegacyDefect.EMPTY_SIGNATURE)
    return verdict(tuple(defect for defect in LegacyDefect if defect in named))


def verdict(named: tuple[LegacyDefect, ...]) -> SignatureVerdict:
    """A signature that proves nothing either way, SIG-009 unless a policy lets it pass."""
    return SignatureVerdict(
        intact=None,
        trusted=False,
        legacy=named,
        cause="SIG-009",
        detail=f"Legacy form: {', '.join(named)}.",
    )


def defects(signature: etree._Element) -> tuple[LegacyDefect, ...]:
    """Every legacy defect of one signature element, in the order of the enumeration."""
    if not len(signature) and not (signature.text or "").strip():
        return (LegacyDefect.EMPTY_SIGNATURE,)
    algorithms = _algorithms(signature)
    holds = {
        LegacyDefect.WRONG_NAMESPACE: etree.QName(signature).namespace != names.DS,
        LegacyDefect.SHA1: not _SHA1.isdisjoint(algorithms),
        LegacyDefect.TRUNCATED_CERTIFICATE: _any_truncated(_named(signature, "X509Certificate")),
        LegacyDefect.UNREGISTERED_TRANSFORM: names.UNREGISTERED_EXCLUSIVE in algorithms,
        LegacyDefect.CID_REFERENCE: any(
            reference.get("URI", "").casefold().startswith("cid:")
            for reference in _named(signature, "Reference")
        ),
    }
    return tuple(defect for defect in LegacyDefect if holds.get(defect))


def _outermost(root: etree._Element) -> Iterator[etree._Element]:
    """Signatures that stand in no other: each is looked through whole, once."""
    walk = etree.iterwalk(root, events=("start",), tag=_ELEMENTS)
    for _, element in walk:
        yield element
        walk.skip_subtree()


def _algorithms(signature: etree._Element) -> frozenset[str]:
    declaring = ("CanonicalizationMethod", "SignatureMethod", "Transform", "DigestMethod")
    found = signature.iter(*(f"{{*}}{name}" for name in declaring))
    return frozenset(element.get("Algorithm", "") for element in found)


def _named(signature: etree._Element, name: str) -> Iterator[etree._Element]:
    return signature.iter(f"{{*}}{name}")


def _any_truncated(certificates: Iterable[etree._Element]) -> bool:
    return any(_truncated(element.text or "") for element in certificates)


def _truncated(text: str) -> bool:
    """Whether a certificate ends before the length its first bytes announce (X.690 §8.1.3)."""
    packed = "".join(text.split()).rstrip("=")
    try:
        data = base64.b64decode(packed[: len(packed) // 4 * 4], validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(data) < _LONGEST_HEADER:
        return True
    if data[0] != 0x30 or not data[1] & 0x80:
        return False
    size = data[1] & 0x7F
    announced = 2 + size + int.from_bytes(data[2 : 2 + size], "big")
    # what was cut to a whole group of four may miss two bytes at most
    return announced > len(data) + len(packed) % 4
