"""The receipt: the bus's promise that it stored a message, as an XML element."""

from __future__ import annotations

from lxml import etree

from bus.envelope.instants import read_instant
from bus.envelope.vocabulary import (
    add,
    flag_of,
    new,
    number_of,
    parse_small,
    tag,
    text_of,
)
from bus.errors import ProtocolRejected
from bus.model import DeliveryState, Receipt, RecipientState


def receipt_xml(receipt: Receipt) -> bytes:
    """The receipt as an unsigned element, UTF-8 without XML declaration; `receipt.xml` is ignored."""
    root = new("Receipt")
    add(root, "messageId", receipt.message_id)
    add(root, "digest", receipt.digest)
    add(root, "topic", receipt.topic)
    add(root, "routesVersion", receipt.routes_version)
    add(root, "acceptedAt", receipt.accepted_at)
    for recipient in receipt.recipients:
        _write_recipient(root, recipient)
    for warning in receipt.warnings:
        add(root, "warning", warning)
    return etree.tostring(root, encoding="utf-8")


def read_receipt(xml: bytes) -> Receipt:
    """Read a receipt, signed or not, without judging its signature; `xml` is kept as it came.

    Raises NotWellFormed XML-001, XML-002, or ProtocolRejected SVC-006 when it is no receipt.
    """
    root = parse_small(xml)
    if root.tag != tag("Receipt"):
        raise ProtocolRejected("Receipt?", code="SVC-006")
    return Receipt(
        message_id=text_of(root, "messageId"),
        digest=text_of(root, "digest"),
        topic=text_of(root, "topic"),
        routes_version=number_of(root, "routesVersion"),
        accepted_at=read_instant(text_of(root, "acceptedAt")),
        recipients=tuple(_read_recipient(element) for element in root.iterfind(tag("Recipient"))),
        warnings=tuple(element.text or "" for element in root.iterfind(tag("warning"))),
        xml=xml,
    )


def _write_recipient(root: etree._Element, recipient: RecipientState) -> None:
    element = etree.SubElement(root, tag("Recipient"))
    add(element, "code", recipient.recipient)
    add(element, "state", recipient.state.value)
    add(element, "reason", recipient.reason or None)
    add(element, "already", recipient.already)


def _read_recipient(element: etree._Element) -> RecipientState:
    return RecipientState(
        recipient=text_of(element, "code"),
        state=read_state(text_of(element, "state")),
        reason=element.findtext(tag("reason")) or "",
        already=flag_of(element, "already"),
    )


def read_state(text: str) -> DeliveryState:
    """A delivery state by its name; Raises ProtocolRejected SVC-006."""
    try:
        return DeliveryState(text.strip())
    except ValueError as error:
        raise ProtocolRejected(f"state: {text[:40]!r}", code="SVC-006") from error
