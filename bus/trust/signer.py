"""The bus's own signature on what it hands out."""

from __future__ import annotations

from lxml import etree

from bus.ports import Clock
from bus.trust import parser, wssecurity, xmldsig
from bus.trust.keys import OwnKey


class BusSigner:
    """Signs with the bus's key; fulfils `bus.ports.Signer` and `bus.ports.EnvelopeSigner`."""

    def __init__(self, own: OwnKey, clock: Clock) -> None:
        self._own = own
        self._clock = clock

    def sign_document(self, xml: bytes) -> bytes:
        """EdXML with ds:Signature as the last child of edXMLHeader, UTF-8."""
        return xmldsig.sign_document(xml, self._own)

    def sign_element(self, xml: bytes) -> bytes:
        """Any element with an enveloped ds:Signature as its last child, UTF-8."""
        return xmldsig.sign_element(xml, self._own)

    def sign_envelope(self, envelope: bytes) -> bytes:
        """A SOAP 1.1 or 1.2 envelope with a WS-Security signature over Body and Timestamp."""
        root = parser.read_whole(envelope)
        return wssecurity.sign_envelope(root, self._own, self._clock.now())

    def security_header(self, body: bytes, body_id: str, soap: str) -> bytes:
        """The header block that signs a Body, given in exclusive canonical form, and a Timestamp."""
        named = wssecurity.SignedBody(body, body_id, soap)
        return wssecurity.security_header(named, self._own, self._clock.now())

    def seal(self, body: etree._Element, soap: str) -> bytes:
        """The header block that signs the Body of a reply, which is given an Id, and a Timestamp.

        It is a proof for who can read it: JAX-WS and gSOAP refuse replies with blocks that must
        be understood and that they do not know, so that this one need not be.
        """
        named = wssecurity.body_to_sign(body, soap)
        return wssecurity.security_header(named, self._own, self._clock.now(), demanding=False)
