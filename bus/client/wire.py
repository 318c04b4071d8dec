"""One call of the exchange service on the wire: envelope, signature, HTTP, reply, proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from bus import errors
from bus.channels import outcomes
from bus.channels.line import Line
from bus.client import faults
from bus.config import TrustSettings
from bus.envelope import soap
from bus.envelope.soap import SoapVersion
from bus.envelope.vocabulary import TNS, tag
from bus.trust import keys, parser, wssecurity
from bus.trust.keys import OwnKey

#: Largest reply that is read, bytes: the largest message in base64, with room to spare.
REPLY_BYTES = 256 * 1024 * 1024
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """Where the service is and how both sides prove themselves; safe to use from many threads."""

    url: str
    line: Line
    version: SoapVersion
    own: OwnKey | None
    token: tuple[str, str] | None
    #: Lower-case hex SHA-256 of the bus's certificate; None: replies are not verified.
    bus_fingerprint: str | None

    def call(self, operation: str, payload: bytes) -> etree._Element:
        """Call one operation; `payload` is what stands inside its element, as UTF-8 XML.

        Returns the reply element. Raises what the service reports; PeerUnavailable DLV-001 or
        DLV-003 when no understandable answer came, and PeerUnavailable with a code SIG-… when
        the reply's signature does not hold: what became of the call is unknown then.
        """
        request = self._request(operation, payload)
        answer = self.line.post(self.url, request, self._headers(operation))
        envelope = self._envelope(answer)
        proof = self._doubt(envelope)
        self._raise_fault(answer, envelope, proof)
        if proof:
            raise errors.PeerUnavailable("reply of the bus", code=proof, stage="verify")
        reply = _payload(envelope)
        if reply.tag != tag(f"{operation}Response"):
            raise errors.PeerUnavailable(f"{operation}Response?", code="DLV-003")
        return reply

    def _request(self, operation: str, payload: bytes) -> bytes:
        # Bytes are joined, never trees: a prefix that lxml changes would break a signature. The
        # wrapper has no default namespace, so that names without one keep having none.
        wrapped = b'<ex:%b xmlns:ex="%b">%b</ex:%b>' % (
            operation.encode(),
            TNS.encode(),
            payload,
            operation.encode(),
        )
        envelope = b'<soap:Envelope xmlns:soap="%b"><soap:Body>%b</soap:Body></soap:Envelope>' % (
            self.version.namespace.encode(),
            wrapped,
        )
        if self.own is None:
            return envelope
        root = parser.read_whole(envelope)
        return wssecurity.sign_envelope(root, self.own, datetime.now(UTC))

    def _headers(self, operation: str) -> Mapping[str, str | bytes]:
        action = f"{TNS}/{operation}"
        media = f"{self.version.media_type}; charset=utf-8"
        headers: dict[str, str | bytes] = {"Content-Type": media}
        if self.version is SoapVersion.V11:
            headers["SOAPAction"] = f'"{action}"'
        else:
            headers["Content-Type"] = f'{media}; action="{action}"'
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token[0]}:{self.token[1]}".encode()
        return headers

    def _envelope(self, answer: outcomes.Answer) -> etree._Element:
        try:
            envelope = parser.read(answer.content)
        except errors.NotWellFormed:
            envelope = None
        if envelope is None or soap.version_of(envelope) is None:
            # What stands before the service (a proxy, a full queue) answers in its own words.
            outcomes.judge(answer, datetime.now(UTC))
            raise errors.PeerUnavailable(f"HTTP {answer.status}", code="DLV-003")
        return envelope

    def _raise_fault(
        self, answer: outcomes.Answer, envelope: etree._Element, proof: str | None
    ) -> None:
        fault = outcomes.fault_of(envelope)
        if fault is not None:
            note = "" if proof is None else f"({proof}: the answer is not proved to be the bus's)"
            faults.raise_fault(fault, faults.detail_of(envelope), note)
        if answer.status != _OK:
            raise errors.PeerUnavailable(f"HTTP {answer.status}", code="DLV-003")

    def _doubt(self, envelope: etree._Element) -> str | None:
        """The code of what is wrong with the reply's signature; None when nothing is."""
        if self.bus_fingerprint is None:
            return None
        now = datetime.now(UTC)
        verdict = wssecurity.verify_envelope(
            envelope, lambda der: self._standing(der, now), now, TrustSettings()
        )
        if verdict is None:
            return "SIG-001"
        holds = verdict.intact is True and verdict.trusted and verdict.cause is None
        return None if holds else verdict.cause or "SIG-003"

    def _standing(self, der: bytes, now: datetime) -> keys.Standing:
        if keys.fingerprint(der) == self.bus_fingerprint:
            return keys.pinned(der, "bus", now)(der)
        return keys.standing(der, None, now)


def _payload(envelope: etree._Element) -> etree._Element:
    try:
        return soap.read(envelope).payload
    except errors.ProtocolRejected as error:
        raise errors.PeerUnavailable(error.detail, code="DLV-003") from error
