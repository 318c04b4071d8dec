"""WS-Security 1.0 with X.509 tokens: sign and verify SOAP messages.

OASIS WS-Security SOAP Message Security 1.0 and X.509 Token Profile 1.0. What is
verified is the Body element of the Envelope itself, never "an element with that
Id": moving the signed Body elsewhere and putting another in its place is the
classic attack on this format.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from bus.config import TrustSettings
from bus.errors import Defect, SignatureRejected
from bus.model import Coverage, SignatureVerdict
from bus.trust import form as forms
from bus.trust import key_info, keys, names, xmldsig
from bus.trust.key_info import Named
from bus.trust.keys import OwnKey, Resolve

#: Values of actor (SOAP 1.1 §4.2.2) and role (SOAP 1.2 §2.2) that mean the bus itself.
_FOR_US = frozenset(
    {
        "",
        "http://schemas.xmlsoap.org/soap/actor/next",
        f"{names.SOAP12}/role/next",
        f"{names.SOAP12}/role/ultimateReceiver",
    }
)
_DATE_TIME = re.compile(r"-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_Named: TypeAlias = dict[str, list[etree._Element]]  # noqa: SLF001 - lxml's public class
_ID_NAMES = frozenset({"Id", "ID", "id"})


class SignedBody(NamedTuple):
    """The Body of an envelope in exclusive canonical form, without comments."""

    content: bytes
    #: Its wsu:Id.
    id: str
    #: Namespace of its envelope.
    soap: str


def sign_envelope(
    envelope: etree._Element, own: OwnKey, now: datetime, *, ttl_s: float = 300.0
) -> bytes:
    """The envelope, SOAP 1.1 or 1.2, with a wsse:Security header over Body and Timestamp; UTF-8.

    `now` is aware UTC; the tree is used up. Raises Defect when it has no Body or is signed already.
    """
    soap = _soap(envelope)
    body = envelope.find(f"{{{soap}}}Body")
    if body is None or next(envelope.iter(names.SECURITY), None) is not None:
        raise Defect("An envelope without Body, or with Security, cannot be signed.")
    security = security_header(body_to_sign(body, soap), own, now, ttl_s=ttl_s)
    # Written into the serialised text: appended to the tree, lxml could rename its
    # prefixes to those of the envelope, after they were signed.
    mark = etree.ProcessingInstruction("lienthong", secrets.token_hex(16))
    _header(envelope, soap).append(mark)
    text: bytes = etree.tostring(envelope.getroottree(), encoding="UTF-8", xml_declaration=True)
    return text.replace(etree.tostring(mark), security, 1)


def body_to_sign(body: etree._Element, soap: str) -> SignedBody:
    """A Body element as it is signed; it is given a wsu:Id where it has none."""
    body_id = body.get(names.WSU_ID) or _fresh_id()
    body.set(names.WSU_ID, body_id)
    return SignedBody(content=forms.canonical(body, exclusive=True), id=body_id, soap=soap)


def security_header(
    body: SignedBody, own: OwnKey, now: datetime, *, ttl_s: float = 300.0, demanding: bool = True
) -> bytes:
    """The wsse:Security header that signs a Body and its own Timestamp, as text.

    `demanding` headers must be understood. The header declares every prefix it uses.
    """
    time_id, token_id = _fresh_id(), _fresh_id()
    timestamp = (
        f'<wsu:Timestamp xmlns:wsu="{names.WSU}" wsu:Id="{time_id}">'
        f"<wsu:Created>{_written(now)}</wsu:Created>"
        f"<wsu:Expires>{_written(now + timedelta(seconds=ttl_s))}</wsu:Expires></wsu:Timestamp>"
    )
    key_info = (
        "<ds:KeyInfo><wsse:SecurityTokenReference>"
        f'<wsse:Reference URI="#{token_id}" ValueType="{names.X509V3}"/>'
        "</wsse:SecurityTokenReference></ds:KeyInfo>"
    )
    parts = [("#" + body.id, body.content), ("#" + time_id, timestamp.encode())]
    signature = xmldsig.sign_parts(parts, own, key_info).decode()
    certificate = base64.b64encode(own.certificate_der).decode("ascii")
    must = f' xmlns:soap="{body.soap}" soap:mustUnderstand="1"' if demanding else ""
    return (
        f'<wsse:Security xmlns:wsse="{names.WSSE}" xmlns:wsu="{names.WSU}"{must}>{timestamp}'
        f'<wsse:BinarySecurityToken wsu:Id="{token_id}" EncodingType="{names.BASE64}"'
        f' ValueType="{names.X509V3}">{certificate}</wsse:BinarySecurityToken>'
        f"{signature}</wsse:Security>"
    ).encode()


def verify_envelope(
    envelope: etree._Element,
    resolve: Resolve,
    now: datetime,
    settings: TrustSettings,
    *,
    named: Named = key_info.nobody,
) -> SignatureVerdict | None:
    """Facts about the WS-Security signature of a message; None when it carries none.

    An intact verdict means that the Body of this very Envelope and a Timestamp were
    signed together; `now` is aware UTC. The first cause is named. `named` finds certificates
    that the message names without carrying them.
    """
    try:
        security = _security(envelope)
        found = [] if security is None else security.findall(names.SIGNATURE)
        if security is None or not found:
            return None
        if len(found) > 1:
            raise SignatureRejected("Security holds several signatures.", code="SIG-008")
        return _examine(envelope, security, found[0], resolve, named).judged_at(now, settings)
    except SignatureRejected as refusal:
        return xmldsig.rejected(refusal)


class _Examined:
    """A verdict with the Timestamp that was signed, still to be compared with the clock."""

    def __init__(
        self, verdict: SignatureVerdict, created: datetime | None, expires: datetime | None
    ) -> None:
        self._verdict = replace(verdict, signed_at=created)
        self._expires = expires

    def judged_at(self, now: datetime, settings: TrustSettings) -> SignatureVerdict:
        """The verdict with SIG-010 where nothing worse was found and the time is wrong."""
        if self._verdict.cause:
            return self._verdict
        skew = timedelta(seconds=settings.clock_skew_s)
        created = self._verdict.signed_at
        if created is None or created > now + skew:
            return replace(self._verdict, cause="SIG-010")
        last = created + timedelta(seconds=settings.timestamp_window_s)
        until = min(last, self._expires or last) + skew
        # a Timestamp ends with the instant it names: WS-Security 1.0 §10
        if now > until or (self._expires is not None and self._expires <= now - skew):
            return replace(self._verdict, cause="SIG-010")
        return replace(self._verdict, fresh_until=until)


def _examine(
    envelope: etree._Element,
    security: etree._Element,
    signature: etree._Element,
    resolve: Resolve,
    named: Named,
) -> _Examined:
    declared = forms.read(signature)
    forms.demand_parts(declared)
    ids = _named(envelope)
    parts = {part.uri: _by_id(ids, part.uri[1:]) for part in declared.parts}
    standing = key_info.standing(
        forms.key_info(signature), security, partial(_by_id, ids), resolve, named
    )
    if standing.signer is not None:
        declared = replace(declared, value=_plain(declared.value, standing.certificate))
    verdict = xmldsig.prove(signature, declared, parts, standing)
    signed = list(parts.values())
    timestamp = _only(security.findall(names.TIMESTAMP), "Timestamp")
    if not _among(_body(envelope), signed) or not _among(timestamp, signed):
        return _Examined(_uncovered(verdict), None, None)
    if verdict.intact:
        mark = hashlib.sha256((verdict.fingerprint or "").encode() + declared.signed_info)
        verdict = replace(verdict, coverage=Coverage.SOAP_BODY, signed=mark.digest())
    return _Examined(verdict, _instant(timestamp, "Created"), _instant(timestamp, "Expires"))


def _plain(value: bytes, certificate: x509.Certificate) -> bytes:
    """An ECDSA value as XML-DSig writes it, r and s side by side (RFC 9231 §2.3.6).

    gSOAP sends what OpenSSL gives it, which is DER; the numbers in it are the same.
    """
    key = keys.public_key(certificate)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return value
    size = (key.key_size + 7) // 8
    if len(value) == 2 * size:
        return value
    try:
        return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(value))
    except (ValueError, OverflowError):
        return value


def _uncovered(verdict: SignatureVerdict) -> SignatureVerdict:
    if verdict.intact is not True:
        return verdict
    detail = "Body and Timestamp must both be signed."
    return replace(verdict, intact=False, cause="SIG-004", detail=detail)


def _security(envelope: etree._Element) -> etree._Element | None:
    found = list(envelope.iter(names.SECURITY))
    if not found:
        return None
    soap = _soap(envelope)
    header = _only(envelope.findall(f"{{{soap}}}Header"), "Header")
    if any(one.getparent() is not header for one in found):
        raise SignatureRejected("Security is not where it belongs.", code="SIG-008")
    ours = [one for one in found if _addressee(one, soap) in _FOR_US]
    return _only(ours, "Security header") if ours else None


def _addressee(block: etree._Element, soap: str) -> str:
    name = "role" if soap == names.SOAP12 else "actor"
    return block.get(f"{{{soap}}}{name}", "").strip()


def _body(envelope: etree._Element) -> etree._Element:
    return _only(envelope.findall(f"{{{_soap(envelope)}}}Body"), "Body")


def _soap(envelope: etree._Element) -> str:
    return etree.QName(envelope).namespace or ""


def _only(found: list[etree._Element], what: str) -> etree._Element:
    if not found:
        raise SignatureRejected(f"{what} is missing.", code="SIG-004")
    if len(found) > 1:
        raise SignatureRejected(f"{what} stands there more than once.", code="SIG-008")
    return found[0]


def _among(element: etree._Element, signed: list[etree._Element]) -> bool:
    return any(one is element for one in signed)


def _named(envelope: etree._Element) -> _Named:
    """Every element of the message by each of its ids, in one pass over the message."""
    named: _Named = {}
    for element in envelope.iter(etree.Element):
        for name, value in element.items():
            if str(name).rpartition("}")[2] in _ID_NAMES:
                same = named.setdefault(str(value), [])
                # one element may carry the same id twice, under two names
                if not _among(element, same[-1:]):
                    same.append(element)
    return named


def _by_id(named: _Named, wanted: str) -> etree._Element:
    found = named.get(wanted, [])
    if len(found) != 1:
        raise SignatureRejected("A reference names no or several elements.", code="SIG-004")
    return found[0]


def _instant(timestamp: etree._Element, name: str) -> datetime | None:
    found = timestamp.findall(f"{{{names.WSU}}}{name}")
    if not found:
        return None
    text = (_only(found, name).text or "").strip()
    if not _DATE_TIME.fullmatch(text):
        raise SignatureRejected(f"{name} is no xs:dateTime.", code="SIG-011")
    try:
        instant = datetime.fromisoformat(text)
        # WS-Security 1.0 §10: without a zone it is UTC
        zoned = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        return zoned.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise SignatureRejected(f"{name} is no instant.", code="SIG-011") from error


def _fresh_id() -> str:
    """A fresh value for wsu:Id."""
    return "id-" + secrets.token_hex(16)


def _header(envelope: etree._Element, soap: str) -> etree._Element:
    header = envelope.find(f"{{{soap}}}Header")
    if header is None:
        header = etree.Element(f"{{{soap}}}Header")
        envelope.insert(0, header)
    return header


def _written(instant: datetime) -> str:
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds") + "Z"
