"""Envelopes signed in the shapes that known SOAP stacks send, rebuilt with python-xmlsec.

Each shape was recorded from the stack itself: spelling of Ids, transforms, prefix lists, what is
signed in which order, and how KeyInfo names the certificate.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from lxml import etree
from lxml.builder import ElementMaker

from bus.trust.keys import OwnKey
from tests.support import pki

EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#"
BASE64 = (
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
)
THUMBPRINT = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA1"
WSU_ID = f"{{{pki.WSU}}}Id"
PING = '<Ping xmlns="urn:lienthong:exchange:1"><recipient>Bộ B</recipient></Ping>'

_wsse = ElementMaker(namespace=pki.WSSE, nsmap={"wsse": pki.WSSE})
_ds = ElementMaker(namespace=pki.DS, nsmap={"ds": pki.DS})

#: Makes the children of KeyInfo for a certificate whose token has the Id `token`.
KeyForm = Callable[[OwnKey, str], list[etree._Element]]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What one stack does."""

    name: str
    key: KeyForm
    #: Attribute that carries Ids, and the Ids of Body, Timestamp and token.
    id_name: str = WSU_ID
    ids: tuple[str, str, str] = ("id-1", "TS-1", "X509-1")
    #: The token itself, if it is carried, signed along with Body and Timestamp.
    sign_token: bool = False
    carries_token: bool = False
    enveloped: bool = False
    #: PrefixList of SignedInfo, Body and Timestamp; None without one.
    prefixes: tuple[str | None, str | None, str | None] = (None, None, None)
    actor: str | None = None
    must_understand: str | None = "1"
    created: str = "2025-10-20T03:00:00.000Z"
    #: ECDSA values as OpenSSL gives them, not as XML-DSig wants them.
    der: bool = False


def token(own: OwnKey, id_: str) -> list[etree._Element]:
    """A reference to a BinarySecurityToken: what nearly every stack can send."""
    return [_str(_wsse.Reference(URI=f"#{id_}", ValueType=PROFILE + "X509v3"))]


def path(own: OwnKey, id_: str) -> list[etree._Element]:
    """A reference to a token that says to hold a path of certificates."""
    return [_str(_wsse.Reference(URI=f"#{id_}", ValueType=PROFILE + "X509PKIPathv1"))]


def issuer_serial(own: OwnKey, id_: str) -> list[etree._Element]:
    """Issuer and serial number: the default of WSS4J."""
    return [_str(_issuer_serial(own))]


def bare_issuer_serial(own: OwnKey, id_: str) -> list[etree._Element]:
    """The same without SecurityTokenReference, as XML-DSig libraries write it."""
    return [_issuer_serial(own)]


def certificate_identifier(own: OwnKey, id_: str) -> list[etree._Element]:
    """A KeyIdentifier that is the certificate itself."""
    return [_str(_identifier(PROFILE + "X509v3", own.certificate_der))]


def subject_key(own: OwnKey, id_: str) -> list[etree._Element]:
    """The subject key identifier."""
    return [_str(_identifier(PROFILE + "X509SubjectKeyIdentifier", _ski(own)))]


def bare_subject_key(own: OwnKey, id_: str) -> list[etree._Element]:
    """The same in X509Data."""
    return [_ds.X509Data(_ds.X509SKI(_text(_ski(own))))]


def thumbprint(own: OwnKey, id_: str) -> list[etree._Element]:
    """SHA-1 of the certificate: the default of many .NET configurations."""
    digest = hashlib.sha1(own.certificate_der, usedforsecurity=False).digest()
    return [_str(_identifier(THUMBPRINT, digest))]


def x509_data(own: OwnKey, id_: str) -> list[etree._Element]:
    """The certificate in X509Data, beside issuer and serial number: zeep's Signature."""
    data = _issuer_serial(own)
    data.append(_ds.X509Certificate(_text(own.certificate_der)))
    return [_str(data)]


def key_value(own: OwnKey, id_: str) -> list[etree._Element]:
    """The bare public key."""
    return [_ds.KeyValue(_ds.RSAKeyValue(_ds.Modulus("AQAB"), _ds.Exponent("AQAB")))]


def key_name(own: OwnKey, id_: str) -> list[etree._Element]:
    """A name of the sender's own."""
    return [_ds.KeyName("khóa của chúng tôi")]


def other_identifier(own: OwnKey, id_: str) -> list[etree._Element]:
    """A KeyIdentifier of a kind that has nothing to do with certificates."""
    return [_str(_identifier("urn:oasis:saml", b"abc"))]


WSS4J = Shape(name="WSS4J", key=token, carries_token=True, prefixes=("soapenv", "", "wsse soapenv"))
GSOAP = Shape(
    name="gSOAP",
    key=token,
    carries_token=True,
    sign_token=True,
    der=True,
    ids=("Body", "Time", "Certificate"),
    created="2025-10-20T03:00:00Z",
)
NPM_SOAP = Shape(
    name="npm soap",
    key=token,
    carries_token=True,
    id_name="Id",
    ids=("_0", "_1", "x509-ce43591f"),
    enveloped=True,
    created="2025-10-20T03:00:00Z",
)
ZEEP = Shape(name="zeep", key=x509_data, must_understand=None, created="2025-10-20T03:00:00Z")


def signed(
    own: OwnKey, shape: Shape, soap: str = pki.SOAP11, *, payload: str = PING
) -> etree._Element:
    """A call in the shape of a stack, as a receiver parses it; its Timestamp is of `pki.NOW`."""
    envelope = _envelope(soap, payload)
    security = _security(envelope, soap, shape)
    body, timestamp = envelope.find(f"{{{soap}}}Body"), _timestamp(security, shape)
    parts = list(zip((body, timestamp), shape.ids, shape.prefixes[1:], strict=False))
    if shape.carries_token:
        carried = _token(security, own, shape)
        if shape.sign_token:
            parts.append((carried, shape.ids[2], None))
    method = _method(own)
    signature = xmlsec.template.create(envelope, xmlsec.Transform.EXCL_C14N, method)
    security.append(signature)
    context = xmlsec.SignatureContext()
    for element, id_, prefixes in parts:
        element.set(shape.id_name, id_)
        context.register_id(element, "Id", pki.WSU if shape.id_name == WSU_ID else None)
        _reference(signature, id_, shape, prefixes)
    _prefix_list(pki.find(signature, "CanonicalizationMethod"), shape.prefixes[0])
    xmlsec.template.ensure_key_info(signature).extend(shape.key(own, shape.ids[2]))
    context.key = xmlsec.Key.from_memory(_pem(own), xmlsec.KeyFormat.PEM, None)
    context.sign(signature)
    if shape.der and isinstance(own.key, ec.EllipticCurvePrivateKey):
        _as_der(pki.find(signature, "SignatureValue"))
    return pki.reparsed(envelope)


def variants(shape: Shape, *keys: KeyForm) -> list[Shape]:
    """The same stack naming its certificate in other ways."""
    return [
        replace(shape, name=f"{shape.name} {key.__name__}", key=key, carries_token=key is path)
        for key in keys
    ]


def _envelope(soap: str, payload: str) -> etree._Element:
    # prefixes in scope that nothing uses: what inclusive prefix lists are about
    return etree.fromstring(
        f'<soapenv:Envelope xmlns:soapenv="{soap}" xmlns:xsi="urn:unused">'
        f"<soapenv:Header/><soapenv:Body>{payload}</soapenv:Body></soapenv:Envelope>"
    )


def _security(envelope: etree._Element, soap: str, shape: Shape) -> etree._Element:
    prefixes = {"wsse": pki.WSSE, "wsu": pki.WSU}
    security = etree.SubElement(envelope[0], f"{{{pki.WSSE}}}Security", nsmap=prefixes)
    if shape.must_understand:
        security.set(f"{{{soap}}}mustUnderstand", shape.must_understand)
    if shape.actor is not None:
        name = "actor" if soap == pki.SOAP11 else "role"
        security.set(f"{{{soap}}}{name}", shape.actor)
    return security


def _timestamp(security: etree._Element, shape: Shape) -> etree._Element:
    timestamp = etree.SubElement(security, f"{{{pki.WSU}}}Timestamp")
    etree.SubElement(timestamp, f"{{{pki.WSU}}}Created").text = shape.created
    etree.SubElement(timestamp, f"{{{pki.WSU}}}Expires").text = "2025-10-20T03:05:00Z"
    return timestamp


def _token(security: etree._Element, own: OwnKey, shape: Shape) -> etree._Element:
    kind = "X509PKIPathv1" if shape.key is path else "X509v3"
    carried = _wsse.BinarySecurityToken(
        _text(own.certificate_der), EncodingType=BASE64, ValueType=PROFILE + kind
    )
    carried.set(WSU_ID, shape.ids[2])
    security.insert(0, carried)
    return carried


def _as_der(value: etree._Element) -> None:
    raw = base64.b64decode(value.text or "")
    half = len(raw) // 2
    numbers = (int.from_bytes(part, "big") for part in (raw[:half], raw[half:]))
    value.text = _text(utils.encode_dss_signature(*numbers))


def _reference(signature: etree._Element, id_: str, shape: Shape, prefixes: str | None) -> None:
    reference = xmlsec.template.add_reference(signature, xmlsec.Transform.SHA256, uri=f"#{id_}")
    if shape.enveloped:
        xmlsec.template.add_transform(reference, xmlsec.Transform.ENVELOPED)
    transform = xmlsec.template.add_transform(reference, xmlsec.Transform.EXCL_C14N)
    _prefix_list(transform, prefixes)


def _prefix_list(method: etree._Element, prefixes: str | None) -> None:
    if prefixes is not None:
        attributes = {"PrefixList": prefixes}
        etree.SubElement(
            method, f"{{{EXCLUSIVE}}}InclusiveNamespaces", attributes, {"ec": EXCLUSIVE}
        )


def _str(child: etree._Element) -> etree._Element:
    return _wsse.SecurityTokenReference(child)


def _issuer_serial(own: OwnKey) -> etree._Element:
    certificate = own.certificate
    return _ds.X509Data(
        _ds.X509IssuerSerial(
            _ds.X509IssuerName(certificate.issuer.rfc4514_string()),
            _ds.X509SerialNumber(str(certificate.serial_number)),
        )
    )


def _identifier(kind: str, value: bytes) -> etree._Element:
    return _wsse.KeyIdentifier(_text(value), EncodingType=BASE64, ValueType=kind)


def _ski(own: OwnKey) -> bytes:
    return x509.SubjectKeyIdentifier.from_public_key(own.certificate.public_key()).digest


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _method(own: OwnKey) -> object:
    rsa_key = isinstance(own.key, rsa.RSAPrivateKey)
    return xmlsec.Transform.RSA_SHA256 if rsa_key else xmlsec.Transform.ECDSA_SHA256


def _pem(own: OwnKey) -> bytes:
    return own.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
