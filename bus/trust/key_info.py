"""Which certificate the KeyInfo of a WS-Security signature means.

OASIS Web Services Security X.509 Certificate Token Profile 1.1, §3.2: a sender carries its
certificate in the message, or only names it. A name proves nothing and need not: it chooses
among the certificates that are bound here, and the signature value must then hold under the
key of the one chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from lxml import etree

from bus.errors import SignatureRejected
from bus.trust import form as forms
from bus.trust import names, xmldsig
from bus.trust.bound import CertificateName, Naming
from bus.trust.keys import Resolve, Standing

#: Finds the element of the message that carries an Id.
ById: TypeAlias = Callable[[str], etree._Element]  # noqa: SLF001 - lxml's public class
#: The DER certificates bound under a name, revoked ones included.
Named: TypeAlias = Callable[[CertificateName], tuple[bytes, ...]]

_INSTEAD = "Send the certificate itself, in a BinarySecurityToken of type X509v3."
_KEY_IDENTIFIERS = {
    names.SUBJECT_KEY: Naming.SUBJECT_KEY,
    names.THUMBPRINT: Naming.THUMBPRINT,
}


def nobody(name: CertificateName) -> tuple[bytes, ...]:  # noqa: ARG001 - a look-up that knows none
    """For those who take only certificates that the message carries."""
    return ()


def standing(
    key_info: etree._Element,
    security: etree._Element,
    by_id: ById,
    resolve: Resolve,
    named: Named,
) -> Standing:
    """The standing of the certificate a KeyInfo carries, or names among those bound here.

    Raises SignatureRejected SIG-005 for a name that nothing here bears, SIG-008 for one that
    fits several agencies or a form that is not understood, SIG-011 for what cannot be read;
    each says what to send instead.
    """
    reference = key_info.find(names.TOKEN_REFERENCE)
    place = key_info if reference is None else reference
    carried = _carried(place, security, by_id)
    if carried:
        return xmldsig.first_known(carried, resolve)
    return _chosen(_name(place), resolve, named)


def _carried(place: etree._Element, security: etree._Element, by_id: ById) -> tuple[bytes, ...]:
    link = place.find(f"{{{names.WSSE}}}Reference")
    if link is not None:
        return (_token(by_id(link.get("URI", "#")[1:]), security),)
    identifier = place.find(names.KEY_IDENTIFIER)
    if identifier is not None and identifier.get("ValueType") == names.X509V3:
        return (forms.base64_value(identifier),)
    return forms.certificates(place)


def _token(token: etree._Element, security: etree._Element) -> bytes:
    if token.tag != names.TOKEN or token.getparent() is not security:
        raise SignatureRejected("The key reference names no token.", code="SIG-011")
    kind = token.get("ValueType", names.X509V3)
    if kind != names.X509V3:
        what = "a path of certificates" if kind == names.PKI_PATH else "no X.509 certificate"
        raise SignatureRejected(f"The token is {what}. {_INSTEAD}", code="SIG-008")
    return forms.base64_value(token)


def _name(place: etree._Element) -> CertificateName:
    identifier = place.find(names.KEY_IDENTIFIER)
    if identifier is not None:
        naming = _KEY_IDENTIFIERS.get(identifier.get("ValueType", ""))
        if naming is None:
            raise SignatureRejected(f"The KeyIdentifier is not known. {_INSTEAD}", code="SIG-008")
        return CertificateName(naming=naming, value=forms.base64_value(identifier))
    data = f"{{{names.DS}}}X509Data/{{{names.DS}}}"
    key = place.find(f"{data}X509SKI")
    if key is not None:
        return CertificateName(naming=Naming.SUBJECT_KEY, value=forms.base64_value(key))
    serial = place.find(f"{data}X509IssuerSerial")
    if serial is not None:
        return _issuer_and_serial(serial)
    if place.find(f"{{{names.DS}}}KeyValue") is not None:
        raise SignatureRejected(f"A bare key names no certificate. {_INSTEAD}", code="SIG-008")
    raise SignatureRejected(f"The signature carries no certificate. {_INSTEAD}", code="SIG-011")


def _issuer_and_serial(element: etree._Element) -> CertificateName:
    number = (element.findtext(f"{{{names.DS}}}X509SerialNumber") or "").strip()
    # RFC 5280 §4.1.2.2: at most twenty octets, that is 49 digits
    if not number.isascii() or not number.isdigit() or len(number) > 49:
        raise SignatureRejected(f"The serial number is none. {_INSTEAD}", code="SIG-011")
    return CertificateName(
        naming=Naming.SERIAL,
        value=str(int(number)).encode(),
        issuer=element.findtext(f"{{{names.DS}}}X509IssuerName") or "",
    )


def _chosen(name: CertificateName, resolve: Resolve, named: Named) -> Standing:
    found = [resolve(der) for der in named(name)]
    if not found:
        detail = f"None bound here has this {name.naming}. {_INSTEAD}"
        raise SignatureRejected(detail, code="SIG-005")
    # a renewed certificate may keep its key, and with it its name
    in_force = [one for one in found if one.cause is None] or found
    if len({one.signer for one in in_force}) > 1:
        detail = f"This {name.naming} fits certificates of several agencies. {_INSTEAD}"
        raise SignatureRejected(detail, code="SIG-008")
    return in_force[0]
