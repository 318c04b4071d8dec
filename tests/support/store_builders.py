"""Messages as the journey hands them to the store."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta

from bus.model import (
    Caller,
    DeliveryState,
    Kind,
    NewDelivery,
    NewMessage,
    NewStatus,
    Receipt,
    RecipientState,
)
from bus.ports import DuplicateQuery

NOW = datetime(2025, 11, 3, 8, 30, 0, 123456, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def copies(
    *recipients: str, state: DeliveryState = DeliveryState.PENDING
) -> tuple[NewDelivery, ...]:
    return tuple(NewDelivery(recipient=r, requested=r, state=state, row=1) for r in recipients)


def new_message(
    *recipients: str,
    document_id: str = "doc-1",
    content: str = "content",
    state: DeliveryState = DeliveryState.PENDING,
    served: tuple[str, ...] = (),
    **changes: object,
) -> NewMessage:
    """A message to `recipients`; those in `served` have an earlier one already."""
    deliveries = copies(*(r for r in recipients if r not in served), state=state)
    message_id = str(changes.pop("message_id", "") or uuid.uuid4().hex)
    at = changes.pop("at", NOW)
    body = changes.pop("body", f"<doc>{content}</doc>".encode())
    facts: dict[str, object] = {
        "message_id": message_id,
        "kind": Kind.DOCUMENT,
        "sender": "SENDER",
        "dialect": "qcvn102_java",
        "topic": "edoc.new.cong-van",
        "priority": 0,
        "document_id": document_id,
        "action": 0,
        "content_digest": content,
        "body_sha256": hashlib.sha256(body).hexdigest(),
        "body": body,
        "evidence": b"<soap/>",
        "evidence_type": "text/xml",
        "subject": "Về việc xây dựng đường Đống Đa",
        "received_at": at,
        "correlation_id": "correlation",
        "caller": Caller(agency="SENDER"),
        "document_verdict": None,
        "routes_version": 7,
        "deliveries": deliveries,
        "reserves": tuple(d.recipient for d in deliveries),
        "receipt": Receipt(
            message_id=message_id,
            digest="digest",
            topic="edoc.new.cong-van",
            routes_version=7,
            accepted_at=at,
            recipients=tuple(
                RecipientState(recipient=r, state=state, already=r in served) for r in recipients
            ),
            warnings=("E07",),
            xml=f"<Receipt>{message_id}</Receipt>".encode(),
        ),
    }
    return NewMessage(**(facts | changes))


def query_of(message: NewMessage, **changes: object) -> DuplicateQuery:
    facts: dict[str, object] = {
        "sender": message.sender,
        "kind": message.kind,
        "document_id": message.document_id,
        "action": message.action,
        "content_digest": message.content_digest,
        "keyed_by_content": False,
    }
    return DuplicateQuery(**(facts | changes))


def status_message(code: str = "03", *, reporter: str = "R1", to: str = "SENDER") -> NewMessage:
    return new_message(
        to,
        kind=Kind.STATUS,
        sender=reporter,
        document_id="doc-1",
        content=code,
        status=NewStatus(
            reporter=reporter,
            issuer="SENDER",
            document_id="doc-1",
            code=code,
            at=NOW,
            description="Đã tiếp nhận",
        ),
    )
