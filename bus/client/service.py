"""The client: one method for each operation of the exchange service, version 1."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Literal, TypeVar

import pybase64
from lxml import etree

from bus import errors
from bus.channels.line import Line
from bus.client import reading, records
from bus.client.wire import REPLY_BYTES, Wire
from bus.envelope.soap import SoapVersion
from bus.envelope.vocabulary import TNS, Value, written
from bus.model import Kind
from bus.trust import parser
from bus.trust.keys import OwnKey

Answer = TypeVar("Answer")

#: Page size when the caller names none.
PAGE = 100


class ExchangeClient:
    """Calls the exchange service of a bus; may be shared by threads.

    Requests are signed by `own` (WS-Security, Body and Timestamp) or carry `token`, a pair of
    agency code and secret. With `bus_fingerprint` (hex SHA-256 of the bus's certificate) every
    reply must be signed by the bus. `timeout_s` bounds each wait for an answer.

    Every method raises the error that the bus reports, with its code, problems and correlation
    id: Rejected (mend it) or Postponed (the same call later is safe); PeerUnavailable when no
    answer came that can be trusted.
    """

    def __init__(
        self,
        url: str,
        *,
        own: OwnKey | None = None,
        token: tuple[str, str] | None = None,
        bus_fingerprint: str | None = None,
        timeout_s: float = 60.0,
        soap: Literal["1.1", "1.2"] = "1.1",
    ) -> None:
        self._wire = Wire(
            url=url,
            line=Line(url, timeout_s, answer_bytes=REPLY_BYTES),
            version=SoapVersion(soap),
            own=own,
            token=token,
            bus_fingerprint=bus_fingerprint.lower() if bus_fingerprint else None,
        )

    def send_document(self, xml: bytes) -> records.SendResult:
        """Send one edXML document, signed or not; repeating it is safe.

        Its exclusive canonical form without comments travels, which is what its signature covers.
        Raises NotWellFormed before anything is sent.
        """
        return self._send_inline("SendDocument", xml)

    def send_status(self, xml: bytes) -> records.SendResult:
        """Send one business status message; repeating it is safe."""
        return self._send_inline("SendStatus", xml)

    def send_package(self, content: bytes, dialect: str | None = None) -> records.SendResult:
        """Send the bytes of one message in the agency's dialect, exactly as they are."""
        encoded = pybase64.b64encode(content)
        payload = b"<ex:content>%b</ex:content>" % encoded + _fields(dialect=dialect)
        return self._call("SendPackage", payload, reading.sent)

    def check(self, content: bytes) -> records.CheckResult:
        """Have a message examined without sending it: every problem at once."""
        payload = b"<ex:content>%b</ex:content>" % pybase64.b64encode(content)
        return self._call("CheckDocument", payload, reading.checked)

    def list_pending(
        self,
        *,
        agency: str | None = None,
        kind: Kind | None = None,
        offset: int = 0,
        limit: int = PAGE,
    ) -> records.PendingListing:
        """One page of what waits, urgent first; looking consumes nothing."""
        wanted = kind.value if kind else None
        payload = _fields(agency=agency, kind=wanted, offset=offset, limit=limit)
        return self._call("ListPending", payload, reading.pending)

    def get_message(
        self, message_id: str, agency: str | None = None, *, canonical: bool = False
    ) -> records.FetchedMessage:
        """One message in the recipient's dialect or in canonical form; its digest is checked."""
        form = "canonical" if canonical else "dialect"
        payload = _fields(agency=agency, messageId=message_id, form=form)
        return self._call("GetMessage", payload, reading.fetched)

    def acknowledge(
        self, message_id: str, *, done: bool, reason: str | None = None, agency: str | None = None
    ) -> records.Acknowledgement:
        """Confirm a message that is stored durably, or refuse it with a reason; idempotent."""
        outcome = "done" if done else "fail"
        payload = _fields(agency=agency, messageId=message_id, outcome=outcome, reason=reason)
        return self._call("Acknowledge", payload, reading.acknowledged)

    def get_trace(
        self,
        message_id: str | None = None,
        *,
        sender: str | None = None,
        document_id: str | None = None,
    ) -> records.Timeline:
        """The whole timeline of a document, by message id or by sender and document id."""
        payload = _fields(messageId=message_id, sender=sender, documentId=document_id)
        return self._call("GetTrace", payload, reading.timeline)

    def find_agencies(
        self,
        text: str | None = None,
        *,
        since_version: int | None = None,
        offset: int = 0,
        limit: int = PAGE,
    ) -> records.AgencyListing:
        """Search the directory, or list what changed in it since a version."""
        payload = _fields(text=text, sinceVersion=since_version, offset=offset, limit=limit)
        return self._call("FindAgencies", payload, reading.agencies)

    def ping(self, recipient: str | None = None) -> records.Pong:
        """Who the bus takes the caller for, and where a document for `recipient` would go."""
        return self._call("Ping", _fields(recipient=recipient), reading.pong)

    def _call(
        self, operation: str, payload: bytes, read: Callable[[etree._Element], Answer]
    ) -> Answer:
        reply = self._wire.call(operation, payload)
        try:
            return read(reply)
        except (errors.ProtocolRejected, errors.NotWellFormed) as error:
            # What became of the call is unknown: to repeat it is safe, to give up is not.
            raise errors.PeerUnavailable(f"{operation}: {error.detail}", code="DLV-003") from error

    def _send_inline(self, operation: str, xml: bytes) -> records.SendResult:
        content = _canonical(xml)
        result = self._call(operation, content, reading.sent)
        # A repeat gets the receipt of the first call, whose bytes may have been signed anew.
        if not result.duplicate and not _is_of(result.receipt.digest, content):
            raise errors.PeerUnavailable("the receipt is for other content", code="DLV-003")
        return result


def _is_of(digest: str, content: bytes) -> bool:
    if hashlib.sha256(content).hexdigest() == digest.lower():
        return True
    # The bus reads a document without its processing instructions.
    bare = parser.read(content)
    etree.strip_tags(bare, etree.ProcessingInstruction)
    return hashlib.sha256(_serialised(bare)).hexdigest() == digest.lower()


def _canonical(xml: bytes) -> bytes:
    return _serialised(parser.read(xml))


def _serialised(root: etree._Element) -> bytes:
    content: bytes = etree.tostring(root, method="c14n", exclusive=True, with_comments=False)
    return content


def _fields(**values: Value | None) -> bytes:
    """Children of an operation in the order given; None is left out."""
    parts = []
    for name, value in values.items():
        if value is not None:
            element = etree.Element(f"{{{TNS}}}{name}", nsmap={"ex": TNS})
            element.text = written(value)
            parts.append(etree.tostring(element))
    return b"".join(parts)
