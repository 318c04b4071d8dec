"""What the exchange service answers, as elements of the exchange schema."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

import pybase64
from lxml import etree

from bus import errors
from bus.envelope.vocabulary import add, new, parse_small, tag
from bus.envelope.xop import write_base64
from bus.exchange import AgencyPage, CheckReport, Fetched, PendingPage, Pong
from bus.model import (
    AcceptResult,
    Agency,
    AuditEvent,
    Delivery,
    Problem,
    StoredMessage,
    StoredStatus,
    Trace,
)

#: An XML declaration may only begin a document; the receipt is an element of one.
_DECLARATION = re.compile(rb"\A<\?xml[^>]*\?>\s*")


#: Most problems that one answer tells: a small message can be made to have a hundred thousand.
MOST_PROBLEMS = 1000
#: Longest text of a problem, characters: it repeats what the sender wrote.
_LONGEST = 1000


#: Elements of a reply with the bytes they stand for.
Verbatim: TypeAlias = tuple[tuple[etree._Element, bytes], ...]  # noqa: SLF001 - lxml's public class


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The payload of a reply; `verbatim` pairs elements in it with the bytes they stand for.

    `binary` pairs elements of base64 with the bytes that may go out beside the envelope.
    """

    payload: etree._Element = field(repr=False)
    verbatim: Verbatim = ()
    binary: Verbatim = ()


def accepted(operation: str, result: AcceptResult) -> Answer:
    """The receipt exactly as it was signed when the message was first stored."""
    root = new(f"{operation}Response")
    receipt = parse_small(result.receipt.xml)
    root.append(receipt)
    add(root, "duplicate", result.duplicate)
    stored = _DECLARATION.sub(b"", result.receipt.xml, count=1)
    return Answer(payload=root, verbatim=((receipt, stored),))


def checked(report: CheckReport) -> Answer:
    """Every problem found, as far as an answer of bounded size can hold them."""
    root = new("CheckDocumentResponse")
    add(root, "acceptable", report.acceptable)
    add(root, "dialect", report.dialect)
    add_problems(root, report.problems)
    return Answer(payload=root)


def add_problems(parent: etree._Element, problems: Iterable[Problem]) -> None:
    """Append one Problem element each, the first MOST_PROBLEMS of them, long texts cut."""
    for problem in itertools.islice(problems, MOST_PROBLEMS):
        element = etree.SubElement(parent, tag("Problem"))
        add(element, "rule", problem.rule)
        add(element, "severity", problem.severity.value)
        add(element, "path", _short(problem.path))
        add(element, "line", problem.line)
        add(element, "column", problem.column)
        add(element, "value", _short(problem.value))
        add(element, "expected", _short(problem.expected))
        add(element, "message", _short(problem.message))
        add(element, "messageVi", _short(problem.message_vi))
        add(element, "hint", problem.hint)
        add(element, "hintVi", problem.hint_vi)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def pending(page: PendingPage) -> Answer:
    """What waits, urgent first."""
    root = new("ListPendingResponse")
    for delivery in page.items:
        element = etree.SubElement(root, tag("Pending"))
        _add_identity(element, delivery)
        add(element, "priority", delivery.priority)
        add(element, "dialect", delivery.dialect)
        add(element, "sizeBytes", delivery.body_size)
        add(element, "sha256", delivery.body_sha256)
        add(element, "receivedAt", delivery.created_at)
    add(root, "more", page.more)
    return Answer(payload=root)


def fetched(message: Fetched) -> Answer:
    """One message with its bytes."""
    root = new("GetMessageResponse")
    delivery, rendering = message.delivery, message.rendering
    add(root, "messageId", delivery.message_id)
    add(root, "kind", delivery.kind.value)
    add(root, "topic", delivery.topic)
    add(root, "sender", delivery.sender)
    add(root, "dialect", rendering.dialect)
    add(root, "contentType", rendering.content_type)
    add(root, "original", rendering.original)
    add(root, "originalSha256", message.original_sha256)
    add(root, "sha256", message.sha256)
    content = etree.SubElement(root, tag("content"))
    write_base64(content, pybase64.b64encode(rendering.content))
    return Answer(payload=root, binary=((content, rendering.content),))


def acknowledged(delivery: Delivery) -> Answer:
    """How the caller's copy stands now; Raises Defect when the store did not settle it."""
    if delivery.updated_at is None:
        raise errors.Defect("acknowledged without an instant")
    root = new("AcknowledgeResponse")
    add(root, "messageId", delivery.message_id)
    add(root, "recipient", delivery.recipient)
    add(root, "state", delivery.state.value)
    add(root, "acknowledgedAt", delivery.updated_at)
    return Answer(payload=root)


def traced(trace: Trace) -> Answer:
    """The whole timeline."""
    root = new("GetTraceResponse")
    _add_message(root, trace.message)
    for delivery in trace.deliveries:
        _add_delivery(root, delivery)
    for status in trace.statuses:
        _add_status(root, status)
    for event in trace.events:
        _add_event(root, event)
    return Answer(payload=root)


def agencies(page: AgencyPage) -> Answer:
    """One page of the directory."""
    root = new("FindAgenciesResponse")
    for agency in page.items:
        _add_agency(root, agency)
    add(root, "version", page.version)
    add(root, "more", page.more)
    return Answer(payload=root)


def pong(answer: Pong) -> Answer:
    """Who the bus takes the caller for, and what routing would do."""
    root = new("PingResponse")
    add(root, "agency", answer.caller.agency or "")
    add(root, "method", answer.caller.method.value)
    add(root, "recipient", answer.recipient)
    if answer.decision is not None:
        add(root, "action", answer.decision.action)
        add(root, "row", answer.decision.row)
        add(root, "target", answer.decision.target)
        add(root, "reason", answer.decision.reason or None)
    add(root, "routesVersion", answer.routes_version)
    add(root, "serverTime", answer.at)
    return Answer(payload=root)


def _add_identity(element: etree._Element, message: Delivery | StoredMessage) -> None:
    add(element, "messageId", message.message_id)
    add(element, "kind", message.kind.value)
    add(element, "topic", message.topic)
    add(element, "sender", message.sender)
    add(element, "documentId", message.document_id)
    add(element, "subject", message.subject)


def _add_message(root: etree._Element, message: StoredMessage) -> None:
    element = etree.SubElement(root, tag("Message"))
    _add_identity(element, message)
    add(element, "priority", message.priority)
    add(element, "action", message.action)
    add(element, "dialect", message.dialect)
    add(element, "sizeBytes", message.body_size)
    add(element, "sha256", message.body_sha256)
    add(element, "routesVersion", message.routes_version)
    add(element, "receivedAt", message.received_at)


def _add_delivery(root: etree._Element, delivery: Delivery) -> None:
    element = etree.SubElement(root, tag("Delivery"))
    add(element, "recipient", delivery.recipient)
    add(element, "state", delivery.state.value)
    add(element, "reason", delivery.reason)
    add(element, "attempts", delivery.attempts)
    add(element, "row", delivery.row)
    add(element, "routesVersion", delivery.routes_version)
    add(element, "updatedAt", delivery.updated_at or delivery.created_at)


def _add_status(root: etree._Element, status: StoredStatus) -> None:
    element = etree.SubElement(root, tag("Status"))
    add(element, "reporter", status.reporter)
    add(element, "code", status.code)
    add(element, "at", status.at)
    add(element, "description", status.description)
    add(element, "messageId", status.message_id)


def _add_event(root: etree._Element, event: AuditEvent) -> None:
    element = etree.SubElement(root, tag("Event"))
    add(element, "at", event.at)
    add(element, "event", event.event)
    add(element, "agency", event.agency)
    add(element, "code", event.code or None)
    add(element, "detail", event.detail or None)


def _add_agency(root: etree._Element, agency: Agency) -> None:
    element = etree.SubElement(root, tag("Agency"))
    add(element, "code", agency.code)
    add(element, "name", agency.name)
    add(element, "parent", agency.parent)
    add(element, "state", agency.state.value)
    add(element, "connected", agency.dialect is not None)
    for system, code in agency.codes:
        pair = etree.SubElement(element, tag("Identifier"))
        add(pair, "system", system.value)
        add(pair, "code", code)
