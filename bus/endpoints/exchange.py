"""The operations of the exchange service, version 1: read the arguments, call, answer."""

from __future__ import annotations

import pybase64
from lxml import etree

from bus.edxml.paths import line_of
from bus.endpoints import answers
from bus.endpoints.answers import Answer
from bus.endpoints.operation import Invocation, operation
from bus.endpoints.spyne_shim import Integer, Unicode
from bus.errors import NotWellFormed, ProtocolRejected
from bus.model import Kind

#: Page size when the caller names none.
_PAGE = 100
_XML_SPACE = dict.fromkeys(map(ord, " \t\r\n"))


@operation("SendDocument")
def send_document(asked: Invocation) -> Answer:
    """Accept one edXML document, given inline."""
    xml = _canonical(asked.payload[0])
    return answers.accepted("SendDocument", asked.exchange.send_document(asked.call, xml))


@operation("SendPackage", content=Unicode, dialect=Unicode)
def send_package(asked: Invocation, content: str, dialect: str | None) -> Answer:
    """Accept the bytes of one message in the sender's registered dialect."""
    package = _decoded(content, "/Envelope/Body/SendPackage/content")
    result = asked.exchange.send_package(asked.call, package, _text(dialect))
    return answers.accepted("SendPackage", result)


@operation("SendStatus")
def send_status(asked: Invocation) -> Answer:
    """Accept one business status message, given inline."""
    xml = _canonical(asked.payload[0])
    return answers.accepted("SendStatus", asked.exchange.send_status(asked.call, xml))


@operation("CheckDocument", content=Unicode)
def check_document(asked: Invocation, content: str) -> Answer:
    """Report every problem of a message without accepting it."""
    package = _decoded(content, "/Envelope/Body/CheckDocument/content")
    return answers.checked(asked.exchange.check_document(asked.call, package))


@operation("ListPending", agency=Unicode, kind=Unicode, offset=Integer, limit=Integer)
def list_pending(
    asked: Invocation, agency: str | None, kind: str | None, offset: int | None, limit: int | None
) -> Answer:
    """List what waits for an agency, urgent first; looking consumes nothing."""
    wanted = Kind(kind.strip()) if kind else None
    page = asked.exchange.list_pending(
        asked.call, _text(agency), wanted, offset or 0, limit or _PAGE
    )
    return answers.pending(page)


@operation("GetMessage", agency=Unicode, messageId=Unicode, form=Unicode)
def get_message(asked: Invocation, agency: str | None, message_id: str, form: str | None) -> Answer:
    """Fetch one message in the recipient's dialect, or in canonical form."""
    canonical = _text(form) == "canonical"
    message = asked.exchange.get_message(
        asked.call, _text(agency), message_id.strip(), canonical=canonical
    )
    return answers.fetched(message)


@operation("Acknowledge", agency=Unicode, messageId=Unicode, outcome=Unicode, reason=Unicode)
def acknowledge(
    asked: Invocation, agency: str | None, message_id: str, outcome: str, reason: str | None
) -> Answer:
    """Confirm one fetched message, or refuse it with a reason; a repeat changes nothing."""
    done = outcome.strip() == "done"
    delivery = asked.exchange.acknowledge(
        asked.call, _text(agency), message_id.strip(), done=done, reason=reason or ""
    )
    return answers.acknowledged(delivery)


@operation("GetTrace", messageId=Unicode, sender=Unicode, documentId=Unicode)
def get_trace(
    asked: Invocation, message_id: str | None, sender: str | None, document_id: str | None
) -> Answer:
    """Tell the whole timeline of one message, by its id or by sender and document id."""
    trace = asked.exchange.get_trace(
        asked.call, _text(message_id), _text(sender), _text(document_id)
    )
    return answers.traced(trace)


@operation("FindAgencies", text=Unicode, sinceVersion=Integer, offset=Integer, limit=Integer)
def find_agencies(
    asked: Invocation,
    text: str | None,
    since_version: int | None,
    offset: int | None,
    limit: int | None,
) -> Answer:
    """Search the directory, or list what changed in it since a version."""
    page = asked.exchange.find_agencies(
        asked.call, _text(text), since_version, offset or 0, limit or _PAGE
    )
    return answers.agencies(page)


@operation("Ping", recipient=Unicode)
def ping(asked: Invocation, recipient: str | None) -> Answer:
    """Tell who the bus takes the caller for and where a document for a recipient would go."""
    return answers.pong(asked.exchange.ping(asked.call, _text(recipient)))


def _text(value: str | None) -> str | None:
    """Trimmed text; what is absent or empty is None, since many stacks send empty elements."""
    return (value.strip() or None) if value else None


def _canonical(element: etree._Element) -> bytes:
    """A document's bytes: what its own signature was computed over, free of the envelope."""
    try:
        return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
    except etree.C14NError as error:
        raise NotWellFormed("A namespace is no absolute URI.", line=line_of(element)) from error


def _decoded(text: str, path: str) -> bytes:
    # Strict decoding refuses the line breaks that xs:base64Binary allows, so they go first.
    try:
        return pybase64.b64decode(text.translate(_XML_SPACE), validate=True)
    except ValueError as error:
        raise ProtocolRejected(f"xs:base64Binary: {error}", code="SVC-006", path=path) from error
