"""The delivery report: what the bus tells a sender when one of its deliveries is dead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from bus.envelope.instants import read_instant
from bus.envelope.receipt import read_state
from bus.envelope.vocabulary import add, new, parse_small, tag, text_of
from bus.errors import ProtocolRejected
from bus.model import DeliveryState


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """One recipient's copy of a message will not arrive; `reported_at` is aware UTC."""

    message_id: str
    recipient: str
    state: DeliveryState
    reason: str
    reported_at: datetime


def notice_xml(
    *, message_id: str, recipient: str, state: DeliveryState, reason: str, reported_at: datetime
) -> bytes:
    """The report as an unsigned element, UTF-8 without XML declaration; `reported_at` is aware."""
    root = new("DeliveryReport")
    add(root, "messageId", message_id)
    add(root, "recipient", recipient)
    add(root, "state", state.value)
    add(root, "reason", reason)
    add(root, "reportedAt", reported_at)
    return etree.tostring(root, encoding="utf-8")


def read_notice(xml: bytes) -> DeliveryReport:
    """Read a report, signed or not, without judging its signature.

    Raises NotWellFormed XML-001, XML-002, or ProtocolRejected SVC-006 when it is no report.
    """
    root = parse_small(xml)
    if root.tag != tag("DeliveryReport"):
        raise ProtocolRejected("DeliveryReport?", code="SVC-006")
    return DeliveryReport(
        message_id=text_of(root, "messageId"),
        recipient=text_of(root, "recipient"),
        state=read_state(text_of(root, "state")),
        reason=text_of(root, "reason"),
        reported_at=read_instant(text_of(root, "reportedAt")),
    )
