"""Rows to records and back, for what is stored as JSON or read in several places."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, RowMapping, Select, select

from bus.db.tables import deliveries, messages
from bus.errors import Defect
from bus.model import (
    Delivery,
    DeliveryState,
    Kind,
    Receipt,
    RecipientState,
    SignatureVerdict,
    StoredMessage,
)


def new_id(inserted: CursorResult[Any]) -> int:
    """The number the store gave to the one row it just inserted."""
    key = inserted.inserted_primary_key
    if key is None:
        raise Defect("the store gave a row no number")
    return int(key[0])


#: What a StoredMessage is made of.
MESSAGE_COLUMNS = (
    messages.c.message_id,
    messages.c.kind,
    messages.c.sender,
    messages.c.dialect,
    messages.c.topic,
    messages.c.priority,
    messages.c.document_id,
    messages.c.action,
    messages.c.subject,
    messages.c.body_sha256,
    messages.c.body_size,
    messages.c.routes_version,
    messages.c.received_at,
    messages.c.correlation_id,
    messages.c.receipt_xml,
)


def select_deliveries() -> Select[Any]:
    """Deliveries with what they repeat of their message, ready for `delivery_of`."""
    return select(
        deliveries.c.id.label("delivery_id"),
        messages.c.message_id,
        deliveries.c.recipient,
        deliveries.c.state,
        deliveries.c.kind,
        messages.c.topic,
        messages.c.sender,
        deliveries.c.priority,
        messages.c.dialect,
        messages.c.document_id,
        messages.c.subject,
        deliveries.c.attempts,
        deliveries.c.due_at,
        deliveries.c.created_at,
        deliveries.c.reason,
        deliveries.c.row,
        deliveries.c.routes_version,
        deliveries.c.via,
        messages.c.body_sha256,
        messages.c.body_size,
        deliveries.c.updated_at,
        deliveries.c.requested,
    ).join(messages, messages.c.id == deliveries.c.message)


def delivery_of(row: RowMapping) -> Delivery:
    """One recipient's copy."""
    return Delivery(
        **{**row, "state": DeliveryState(row["state"]), "kind": Kind(row["kind"])},
    )


def message_of(row: RowMapping) -> StoredMessage:
    """One message without its body."""
    return StoredMessage(**{**row, "kind": Kind(row["kind"])})


def receipt_facts(receipt: Receipt) -> dict[str, Any]:
    """Everything of a receipt but its XML and message id, for JSON."""
    return {
        "digest": receipt.digest,
        "topic": receipt.topic,
        "routes_version": receipt.routes_version,
        "accepted_at": receipt.accepted_at.isoformat(),
        "recipients": [
            [each.recipient, each.state.value, each.reason, each.already]
            for each in receipt.recipients
        ],
        "warnings": list(receipt.warnings),
    }


def receipt_of(message_id: str, facts: Mapping[str, Any], xml: bytes) -> Receipt:
    """The receipt as it was given, byte for byte in its XML."""
    return Receipt(
        message_id=message_id,
        digest=facts["digest"],
        topic=facts["topic"],
        routes_version=facts["routes_version"],
        accepted_at=datetime.fromisoformat(facts["accepted_at"]),
        recipients=tuple(
            RecipientState(
                recipient=recipient, state=DeliveryState(state), reason=reason, already=already
            )
            for recipient, state, reason, already in facts["recipients"]
        ),
        warnings=tuple(facts["warnings"]),
        xml=xml,
    )


def verdict_facts(verdict: SignatureVerdict | None) -> dict[str, Any] | None:
    """Everything a signature proved, for JSON."""
    if verdict is None:
        return None
    return {
        "intact": verdict.intact,
        "trusted": verdict.trusted,
        "expired": verdict.expired,
        "revoked": verdict.revoked,
        "coverage": verdict.coverage.value,
        "algorithm": verdict.algorithm,
        "fingerprint": verdict.fingerprint,
        "signer": verdict.signer,
        "signed_at": verdict.signed_at.isoformat() if verdict.signed_at else None,
        "legacy": [defect.value for defect in verdict.legacy],
        "cause": verdict.cause,
        "detail": verdict.detail,
    }
