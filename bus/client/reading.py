"""From the elements of the exchange schema to records.

A reply that does not say what the schema promises raises ProtocolRejected SVC-006.
"""

from __future__ import annotations

import enum
import hashlib
from datetime import datetime
from typing import TypeVar

import pybase64
from lxml import etree

from bus.client import records
from bus.envelope.instants import read_instant
from bus.envelope.receipt import read_receipt
from bus.envelope.vocabulary import flag_of, number_of, tag, text_of
from bus.errors import ProtocolRejected
from bus.model import (
    AgencyState,
    AuditEvent,
    CallerMethod,
    CodeSystem,
    DeliveryState,
    Kind,
    Problem,
    Severity,
    StoredStatus,
)

Closed = TypeVar("Closed", bound=enum.StrEnum)
_XML_SPACE = dict.fromkeys(map(ord, " \t\r\n"))


def sent(reply: etree._Element) -> records.SendResult:
    """The answer of SendDocument, SendPackage and SendStatus."""
    receipt = reply.find(tag("Receipt"))
    if receipt is None:
        raise ProtocolRejected("Receipt?", code="SVC-006")
    xml: bytes = etree.tostring(receipt, method="c14n", exclusive=True, with_comments=False)
    return records.SendResult(
        receipt=read_receipt(xml), duplicate=flag_of(reply, "duplicate"), receipt_xml=xml
    )


def checked(reply: etree._Element) -> records.CheckResult:
    """The answer of CheckDocument."""
    return records.CheckResult(
        acceptable=flag_of(reply, "acceptable"),
        dialect=reply.findtext(tag("dialect")),
        problems=problems(reply),
    )


def problems(parent: etree._Element) -> tuple[Problem, ...]:
    """The Problem elements of a report or a fault."""
    return tuple(
        Problem(
            rule=text_of(element, "rule"),
            severity=_one_of(Severity, text_of(element, "severity")),
            path=element.findtext(tag("path")) or "",
            line=_number(element, "line") or 0,
            column=_number(element, "column") or 0,
            value=element.findtext(tag("value")) or "",
            expected=element.findtext(tag("expected")) or "",
            message=element.findtext(tag("message")) or "",
            message_vi=element.findtext(tag("messageVi")) or "",
            hint=element.findtext(tag("hint")) or "",
            hint_vi=element.findtext(tag("hintVi")) or "",
        )
        for element in parent.iterfind(tag("Problem"))
    )


def pending(reply: etree._Element) -> records.PendingListing:
    """The answer of ListPending."""
    return records.PendingListing(
        items=tuple(
            records.PendingItem(
                message_id=text_of(element, "messageId"),
                kind=_one_of(Kind, text_of(element, "kind")),
                topic=text_of(element, "topic"),
                sender=text_of(element, "sender"),
                document_id=text_of(element, "documentId"),
                subject=text_of(element, "subject"),
                priority=number_of(element, "priority"),
                dialect=text_of(element, "dialect"),
                size_bytes=number_of(element, "sizeBytes"),
                sha256=text_of(element, "sha256"),
                received_at=_instant(element, "receivedAt"),
            )
            for element in reply.iterfind(tag("Pending"))
        ),
        more=flag_of(reply, "more"),
    )


def fetched(reply: etree._Element) -> records.FetchedMessage:
    """The answer of GetMessage; content that does not match its digest is refused."""
    text = text_of(reply, "content").translate(_XML_SPACE)
    try:
        content = pybase64.b64decode(text, validate=True)
    except ValueError as error:
        raise ProtocolRejected(f"content: {error}", code="SVC-006") from error
    sha256 = text_of(reply, "sha256")
    if hashlib.sha256(content).hexdigest() != sha256.strip().lower():
        raise ProtocolRejected("content does not match sha256", code="SVC-006")
    return records.FetchedMessage(
        message_id=text_of(reply, "messageId"),
        kind=_one_of(Kind, text_of(reply, "kind")),
        topic=text_of(reply, "topic"),
        sender=text_of(reply, "sender"),
        dialect=text_of(reply, "dialect"),
        content_type=text_of(reply, "contentType"),
        original=flag_of(reply, "original"),
        original_sha256=text_of(reply, "originalSha256"),
        sha256=sha256,
        content=content,
    )


def acknowledged(reply: etree._Element) -> records.Acknowledgement:
    """The answer of Acknowledge."""
    return records.Acknowledgement(
        message_id=text_of(reply, "messageId"),
        recipient=text_of(reply, "recipient"),
        state=_one_of(DeliveryState, text_of(reply, "state")),
        acknowledged_at=_instant(reply, "acknowledgedAt"),
    )


def timeline(reply: etree._Element) -> records.Timeline:
    """The answer of GetTrace."""
    message = reply.find(tag("Message"))
    if message is None:
        raise ProtocolRejected("Message?", code="SVC-006")
    return records.Timeline(
        message=_message(message),
        deliveries=tuple(_delivery(one) for one in reply.iterfind(tag("Delivery"))),
        statuses=tuple(_status(one) for one in reply.iterfind(tag("Status"))),
        events=tuple(_event(one) for one in reply.iterfind(tag("Event"))),
    )


def agencies(reply: etree._Element) -> records.AgencyListing:
    """The answer of FindAgencies."""
    return records.AgencyListing(
        items=tuple(_agency(element) for element in reply.iterfind(tag("Agency"))),
        version=number_of(reply, "version"),
        more=flag_of(reply, "more"),
    )


def pong(reply: etree._Element) -> records.Pong:
    """The answer of Ping."""
    return records.Pong(
        agency=text_of(reply, "agency"),
        method=_one_of(CallerMethod, text_of(reply, "method")),
        recipient=reply.findtext(tag("recipient")),
        action=reply.findtext(tag("action")),
        row=_number(reply, "row"),
        target=reply.findtext(tag("target")),
        reason=reply.findtext(tag("reason")),
        routes_version=number_of(reply, "routesVersion"),
        server_time=_instant(reply, "serverTime"),
    )


def _message(element: etree._Element) -> records.MessageFacts:
    return records.MessageFacts(
        message_id=text_of(element, "messageId"),
        kind=_one_of(Kind, text_of(element, "kind")),
        topic=text_of(element, "topic"),
        sender=text_of(element, "sender"),
        document_id=text_of(element, "documentId"),
        subject=text_of(element, "subject"),
        priority=number_of(element, "priority"),
        action=number_of(element, "action"),
        dialect=text_of(element, "dialect"),
        size_bytes=number_of(element, "sizeBytes"),
        sha256=text_of(element, "sha256"),
        routes_version=number_of(element, "routesVersion"),
        received_at=_instant(element, "receivedAt"),
    )


def _delivery(element: etree._Element) -> records.DeliveryFacts:
    return records.DeliveryFacts(
        recipient=text_of(element, "recipient"),
        state=_one_of(DeliveryState, text_of(element, "state")),
        reason=element.findtext(tag("reason")) or "",
        attempts=number_of(element, "attempts"),
        row=number_of(element, "row"),
        routes_version=number_of(element, "routesVersion"),
        updated_at=_instant(element, "updatedAt"),
    )


def _status(element: etree._Element) -> StoredStatus:
    return StoredStatus(
        reporter=text_of(element, "reporter"),
        issuer="",
        document_id="",
        code=text_of(element, "code"),
        at=_instant(element, "at"),
        description=element.findtext(tag("description")),
        message_id=text_of(element, "messageId"),
    )


def _event(element: etree._Element) -> AuditEvent:
    return AuditEvent(
        at=_instant(element, "at"),
        event=text_of(element, "event"),
        agency=element.findtext(tag("agency")),
        code=element.findtext(tag("code")) or "",
        detail=element.findtext(tag("detail")) or "",
    )


def _agency(element: etree._Element) -> records.AgencyEntry:
    return records.AgencyEntry(
        code=text_of(element, "code"),
        name=text_of(element, "name"),
        parent=element.findtext(tag("parent")),
        state=_one_of(AgencyState, text_of(element, "state")),
        connected=flag_of(element, "connected"),
        codes=tuple(
            (_one_of(CodeSystem, text_of(pair, "system")), text_of(pair, "code"))
            for pair in element.iterfind(tag("Identifier"))
        ),
    )


def _instant(parent: etree._Element, name: str) -> datetime:
    return read_instant(text_of(parent, name))


def _number(parent: etree._Element, name: str) -> int | None:
    return None if parent.find(tag(name)) is None else number_of(parent, name)


def _one_of(kind: type[Closed], text: str) -> Closed:
    try:
        return kind(text.strip())
    except ValueError as error:
        raise ProtocolRejected(f"{kind.__name__}: {text[:40]!r}", code="SVC-006") from error
